#!/bin/sh
# Compares the gateway with other proxies: same upstream, same load, one
# machine. Needs Go, wget, wrk, nginx, Caddy and the PostgreSQL server programs
# (Debian: apt-get install wget wrk nginx caddy postgresql). Nothing stays running.
#
#   gateway/bench/run.sh [rounds, default 3] [seconds per measurement, default 5]
set -eu

rounds=${1:-3}
seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
for tool in go wrk nginx caddy wget; do
	command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
chmod 755 "$work"
pids=
cleanup() {
	trap - EXIT INT TERM
	for pid in $pids; do kill "$pid" 2>/dev/null || true; done
	for pid in $pids; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Ports: the upstream, then one for each proxy, then the checker.
upstream=18090 gateway=18091 bare=18092 nginx=18093 auth=18094 caddy=18095 check=18096

body=$(awk 'BEGIN { for (i = 0; i < 40; i++) printf "{\"id\":1234567,\"ok\":true}," }')

# The upstream is an nginx of its own that answers from memory.
cat >"$work/upstream.conf" <<EOF
worker_processes 1;
daemon off;
pid $work/upstream.pid;
error_log $work/upstream.log;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 1000000000;
	server {
		listen 127.0.0.1:$upstream;
		location / { default_type application/json; return 200 '$body'; }
	}
}
EOF

cat >"$work/proxy.conf" <<EOF
worker_processes auto;
daemon off;
pid $work/proxy.pid;
error_log $work/proxy.log;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 1000000000;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	upstream vendor { server 127.0.0.1:$upstream; keepalive 512; keepalive_requests 1000000000; }
	upstream checker { server 127.0.0.1:$check; keepalive 512; keepalive_requests 1000000000; }
	server {
		listen 127.0.0.1:$nginx;
		location / { proxy_pass http://vendor; }
	}
	server {
		listen 127.0.0.1:$auth;
		location / {
			auth_request /check;
			proxy_set_header Authorization "Bearer the-vendors-own";
			proxy_set_header Connection "";
			proxy_pass http://vendor;
		}
		location = /check {
			internal;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_set_header Connection "";
			proxy_pass http://checker;
		}
	}
}
EOF

cat >"$work/Caddyfile" <<EOF
{
	admin off
	auto_https off
}
http://:$caddy {
	bind 127.0.0.1
	reverse_proxy 127.0.0.1:$upstream {
		transport http {
			keepalive_idle_conns 1024
			keepalive_idle_conns_per_host 512
			compression off
		}
	}
}
EOF

# Every request has another of the keys.
cat >"$work/load.lua" <<'EOF'
local requests, n, at = {}, 0, 0
function init(args)
	for key in io.lines(args[1]) do
		n = n + 1
		requests[n] = wrk.format("GET", "/tempo/4/worklogs/17?from=2026-11-01", {
			["Host"] = "bench", ["User-Agent"] = "bench/1.0", ["Accept"] = "application/json", ["Authorization"] = "Bearer " .. key,
		})
	end
	at = math.random(n)
end
function request()
	at = at % n + 1
	return requests[at]
end
function done(summary, latency)
	local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
	io.stderr:write(string.format("%.0f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
		latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
EOF

start() {
	"$@" >>"$work/out.log" 2>&1 &
	pids="$! $pids"
}
# await waits until an address gives the upstream's own answer.
await() {
	for _ in $(seq 600); do
		key=$(head -n 1 "$work/keys" 2>/dev/null || true)
		case $(wget -q -O - --header "Authorization: Bearer $key" --header "Host: bench" "$1" 2>/dev/null || true) in
		'{"id":1234567'*) return ;;
		esac
		sleep 0.1
	done
	echo "nothing answers on $1" >&2
	tail -n 20 "$work"/*.log >&2
	exit 1
}

(cd "$here/../.." && go build -o "$work/bench" ./gateway/bench)
echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg), $(nproc) processors, $(go version | cut -d ' ' -f 3), $(nginx -v 2>&1 | cut -d ' ' -f 3), caddy $(caddy version | cut -d ' ' -f 1)"

mkdir "$work/db"
start nginx -c "$work/upstream.conf"
start "$work/bench" gateway --listen 127.0.0.1:$gateway --upstream http://127.0.0.1:$upstream --dir "$work/db/postgres" --keys "$work/keys"
start "$work/bench" bare --listen 127.0.0.1:$bare --upstream http://127.0.0.1:$upstream
await http://127.0.0.1:$upstream/
await http://127.0.0.1:$gateway/tempo/4/worklogs/17
start "$work/bench" check --listen 127.0.0.1:$check --keys "$work/keys"
start nginx -c "$work/proxy.conf"
start env XDG_DATA_HOME="$work" XDG_CONFIG_HOME="$work" caddy run --config "$work/Caddyfile" --adapter caddyfile
for port in $bare $nginx $auth $caddy; do await http://127.0.0.1:$port/tempo/4/worklogs/17; done

# Turns are taken, so that whatever else the machine does slows all alike.
targets="direct:$upstream gateway:$gateway bare:$bare nginx:$nginx nginx+auth:$auth caddy:$caddy"
for round in $(seq 0 "$rounds"); do
	for target in $targets; do
		length=$seconds
		[ "$round" = 0 ] && length=1 # to warm up
		result=$(wrk -t2 -c64 -d "${length}s" --latency -s "$work/load.lua" "http://127.0.0.1:${target#*:}" "$work/keys" 2>&1 >/dev/null)
		paced=$("$work/bench" pace --url "http://127.0.0.1:${target#*:}/tempo/4/worklogs/17" --keys "$work/keys" --duration "${length}s")
		[ "$round" = 0 ] || echo "${target%%:*} $result $paced" >>"$work/results"
	done
done

# The median of the rounds, and each round's share of bare Go.
awk '
	function median(name, column,   n, i, j, v, list) {
		n = count[name]
		for (i = 1; i <= n; i++) list[i] = value[name, column, i]
		for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) { v = list[j]; list[j] = list[j - 1]; list[j - 1] = v }
		return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
	}
	{
		name = $1
		if (!(name in count)) order[++names] = name
		count[name]++
		for (i = 2; i <= 7; i++) value[name, i, count[name]] = $i
		errors[name] += $5
	}
	END {
		for (i = 1; i <= names; i++) for (j = 1; j <= count[order[i]]; j++) value[order[i], 8, j] = value[order[i], 2, j] / value["bare", 2, j]
		printf "%-12s %9s %9s %9s %8s %7s   %s\n", "", "req/s", "p50 ms", "p99 ms", "of bare", "errors", "at 1000 req/s: p50 ms, p99 ms"
		for (i = 1; i <= names; i++) {
			n = order[i]
			printf "%-12s %9.0f %9.2f %9.2f %8.2f %7d   %.3f %.3f\n", n, median(n, 2), median(n, 3), median(n, 4), median(n, 8), errors[n], median(n, 6), median(n, 7)
		}
	}' "$work/results"
echo "load after: $(cut -d ' ' -f 1-3 /proc/loadavg)"

cd "$here/../.."
go test ./gateway -run '^$' -bench '^(BenchmarkGateway|BenchmarkBareProxy|BenchmarkJudge)$' -benchtime 2s | awk '/^Benchmark/ { print $1 ": " $(NF-1) " allocations, " $(NF-3) " bytes per operation" }'

# Runs the shared test server and stops it when nobody needs it any longer.
#
# usage: sh watchdog.sh IDLE DIR SOCKETS COMMAND...
#
# File descriptor 3 reads the lease, a FIFO that every test process holds open
# for writing and writes a byte to when it joins. The read ends when the last
# of them is gone, however it ended. What was read tells whether anyone had
# joined since: after an idle time without that, the server stops.
#
# The lease is renamed before the last look. Whoever opened it until then is
# waited for, and whoever comes later finds no lease and starts a new server.

idle=$1 dir=$2 sockets=$3
shift 3

"$@" 3<&- &
server=$!

(
	while [ -n "$(cat <&3)" ]; do
		sleep "$idle"
	done
	mv "$dir/lease" "$dir/closing"
	cat <&3 >/dev/null
	kill -INT "$server"
) &
waiter=$!

trap 'kill -INT "$server"' HUP INT TERM
while kill -0 "$server" 2>/dev/null; do
	wait "$server"
done
kill "$waiter" 2>/dev/null
rm -rf "$dir" "$sockets"

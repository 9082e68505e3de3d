package gateway

import (
	"errors"
	"net/http"
	"time"

	"latchkey/connectors"
)

// Limits bound what clients can take. Zero means the default. A connection's
// own limits go before those for keys and requests.
type Limits struct {
	PerSecond  int           // requests of one key: 50
	Burst      int           // requests of one key at once: 100
	Concurrent int           // requests of one key under way: 64
	Body       int64         // bytes of a request's body: 32 MiB
	Head       int           // bytes of a request's line and headers: 32 KiB
	Duration   time.Duration // of one request, answer included: 5m

	PerConnection int           // requests of one connection under way: 1024
	AllConcurrent int           // requests under way: 4096
	Clients       int           // open network connections: 16384
	Stall         time.Duration // of a body, either way, that does not move: 30s
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.PerSecond, 50)
	orDefault(&l.Burst, 2*l.PerSecond)
	orDefault(&l.Concurrent, 64)
	orDefault(&l.Body, 32<<20)
	orDefault(&l.Head, 32<<10)
	orDefault(&l.Duration, 5*time.Minute)
	orDefault(&l.PerConnection, 1024)
	orDefault(&l.AllConcurrent, 4096)
	orDefault(&l.Clients, 16<<10)
	orDefault(&l.Stall, 30*time.Second)
	return l
}

// bounds are the limits of one connection: its own where it has them, else
// the gateway's.
type bounds struct {
	key           rate
	concurrent    int
	all           rate
	allConcurrent int
	body          int64
	head          int
	headBound     bool // it is less than the guard's
	duration      time.Duration
}

var errLimits = errors.New("a limit is negative, or its head is larger than the gateway's")

func newBounds(l connectors.Limits, common Limits) (bounds, error) {
	if min(l.PerSecond, l.Burst, l.Concurrent, l.AllPerSecond, l.AllBurst, l.AllConcurrent, l.Head) < 0 ||
		l.Body < 0 || l.Duration < 0 || l.Head > common.Head {
		return bounds{}, errLimits
	}
	if l.PerSecond > 0 {
		orDefault(&l.Burst, 2*l.PerSecond)
	}
	orDefault(&l.PerSecond, common.PerSecond)
	orDefault(&l.Burst, common.Burst)
	orDefault(&l.AllBurst, 2*l.AllPerSecond)
	orDefault(&l.Concurrent, common.Concurrent)
	orDefault(&l.AllConcurrent, common.PerConnection)
	orDefault(&l.Body, common.Body)
	orDefault(&l.Head, common.Head)
	orDefault(&l.Duration, common.Duration)
	return bounds{
		key:           newRate(l.PerSecond, l.Burst),
		concurrent:    l.Concurrent,
		all:           newRate(l.AllPerSecond, l.AllBurst),
		allConcurrent: l.AllConcurrent,
		body:          l.Body,
		head:          l.Head,
		headBound:     l.Head < common.Head,
		duration:      l.Duration,
	}, nil
}

// headSize is how large a request's head is on the wire.
func headSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(" ") + len(" HTTP/1.1\r\n") + len("Host: \r\n") + len(r.Host) + len("\r\n")
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}

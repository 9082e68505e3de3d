package connectors

import (
	"context"
	"net/http"

	"latchkey/secret"
)

// Leak is a secret that was found where it must not be.
type Leak struct {
	Secret secret.Value
	Ref    string // in place of the secret: what LeakFetcher brings it by
	Type   string // the source's word for what it is
	Source string // and for where it was: "commit"
	URL    string // empty where the source does not say
}

// LeakSource verifies and reads an inbound report of leaked secrets, of this
// system's or of any. The body is handed in raw, because signatures are over
// raw bytes. Errors are as EventSource's; no connector is both.
type LeakSource interface {
	Leaks(*http.Request, []byte) ([]Leak, error)
}

// LeakFetcher is a LeakSource whose reports leave the secret out. Fetching may
// be repeated; a secret that the source hides comes back empty.
type LeakFetcher interface {
	FetchLeak(ctx context.Context, ref string) (Leak, error)
}

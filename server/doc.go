// Package server is Latchkey's HTTP doors: the reveal page, on which a key is
// shown once, the pages on which a person connects an OAuth app, the API for
// programs that hold a key of Latchkey's own, and health, readiness and
// metrics.
//
// It owns what travels over HTTP: routes, headers, pages, limits and the
// access log. It does not own the rules (workflow), the listener and its
// timeouts (cmd/latchkey) or the requests made with keys (gateway).
package server

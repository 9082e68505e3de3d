// Package server is Latchkey's HTTP doors: the reveal page, on which a key is
// shown once, the pages on which a person connects an OAuth app, SCIM, the
// events of HR and identity systems, the API for programs that hold a key of
// Latchkey's own, reports of offboardings, the console on which admins see and
// end what there is, and health and metrics.
//
// It owns what travels over HTTP: routes, headers, pages, limits and the
// access log. It does not own the rules (workflow), the listener and its
// timeouts (cmd/latchkey) or the requests made with keys (gateway).
package server

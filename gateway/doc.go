// Package gateway is the data plane: a reverse proxy that checks a brokered
// key, judges method, path, query and the body's size and type, forwards
// exactly what it judged, and meters. It takes HTTP/1.1 and HTTP/2, in clear or
// inside TLS, and opens WebSockets where a rule allows.
// What it can't judge in only one way it refuses; it repairs nothing.
//
// It does not own who gets a key (workflow), which systems and scopes there
// are (connectors), or the rows behind keys and access log (storage).
package gateway

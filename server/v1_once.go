package server

import (
	"bytes"
	"maps"
	"net/http"
	"strings"

	"latchkey/storage"
)

// idempotencyHeader names the requests that are one, and replayHeader the
// answers that were given before.
const (
	idempotencyHeader = "Idempotency-Key"
	replayHeader      = "Idempotency-Replayed"
)

// once has a write done once for all the requests that come under one
// Idempotency-Key, and gives them all one answer.
func (d *v1Door) once(w http.ResponseWriter, r *http.Request, o v1Operation, c v1Call, do func(http.ResponseWriter, v1Call)) error {
	name, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	claim, err := d.workflow.ClaimAnswer(r.Context(), c.Actor, name, []byte(r.Method), []byte(r.URL.RequestURI()), c.body)
	if err != nil {
		return err
	}
	if claim.Again {
		w.Header().Set(replayHeader, "true")
	}
	if claim.Status != 0 {
		maps.Copy(w.Header(), claim.Headers)
		w.WriteHeader(claim.Status)
		_, _ = w.Write(claim.Body) // a client that went away asks again
		return nil
	}
	given := &recording{header: http.Header{}}
	settled := false
	defer func() {
		if !settled { // it panicked
			d.settle(r, claim)
		}
	}()
	c.source = "api:" + c.Key.String() + ":" + o.id + ":" + claim.ID
	do(given, c)
	claim.Status, claim.Headers, claim.Body = given.status, given.header, given.body.Bytes()
	if o.derived && claim.Status < http.StatusBadRequest {
		claim.Status = 0
	}
	settled = true
	d.settle(r, claim)
	maps.Copy(w.Header(), given.header)
	w.WriteHeader(given.status)
	_, _ = w.Write(given.body.Bytes())
	return nil
}

// settle says what became of a claim. If that can't be stored, the same
// request is worked on again, which is harmless and only takes longer.
func (d *v1Door) settle(r *http.Request, claim storage.Answer) {
	if err := d.workflow.SettleAnswer(r.Context(), claim); err != nil {
		d.log.Warn().Err(err).Str("ref", refOf(r)).Str("route", route(r)).Msg("answer could not be kept")
	}
}

func idempotencyKey(r *http.Request) (string, error) {
	given := r.Header.Values(idempotencyHeader)
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if len(given) != 1 || given[0] == "" || len(given[0]) > maxIdempotencyKey || strings.ContainsFunc(given[0], unprintable) {
		return "", refuse(http.StatusBadRequest, "idempotency_key",
			"Send one Idempotency-Key of at most %d printable characters, the same one when you send the same request again.", maxIdempotencyKey)
	}
	return given[0], nil
}

// recording is an answer that is not sent yet.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (g *recording) Header() http.Header { return g.header }

// WriteHeader implements http.ResponseWriter.
func (g *recording) WriteHeader(status int) {
	if g.status == 0 {
		g.status = status
	}
}

// Write implements http.ResponseWriter.
func (g *recording) Write(b []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	return g.body.Write(b)
}

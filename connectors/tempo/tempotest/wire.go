package tempotest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

const (
	defaultLimit = 50
	maxLimit     = 5000 // the vendor's help page
	maxBody      = 1 << 20
)

// htmlError is how 401, 403 and, assumed, the errors of the vendor's edge look.
func htmlError(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status))
}

type message struct {
	Message string `json:"message"`
}

// fail is the documented error of v4: errors is an object.
func fail(w http.ResponseWriter, status int, text string) {
	reply(w, status, struct {
		Errors message `json:"errors"`
	}{message{text}})
}

// failList is the documented error of the audit endpoints: errors is an array.
func failList(w http.ResponseWriter, status int, text string) {
	reply(w, status, struct {
		Errors []message `json:"errors"`
	}{[]message{{text}}})
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		htmlError(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// read decodes a strict JSON body, or answers 400 and is false.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		fail(w, http.StatusBadRequest, "the body must be application/json")
		return false
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "the body is not the JSON expected: "+err.Error())
		return false
	}
	if _, err := dec.Token(); err != io.EOF {
		fail(w, http.StatusBadRequest, "the body has more than one value")
		return false
	}
	return true
}

// pathID reads a numeric path value, or answers 400 and is false.
func pathID(w http.ResponseWriter, r *http.Request, name string) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id < 1 {
		fail(w, http.StatusBadRequest, fmt.Sprintf("'%s' must be a positive number", name))
		return 0, false
	}
	return id, true
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func dateError(name string) string {
	return fmt.Sprintf("'%s' must be valid on the format: 'yyyy-MM-dd'", name)
}

func self(r *http.Request, path string) string { return "http://" + r.Host + path }

type page struct {
	Self     string       `json:"self"`
	Metadata pageMetadata `json:"metadata"`
	Results  any          `json:"results"`
}

type pageMetadata struct {
	Count    int    `json:"count"`
	Offset   int    `json:"offset"`
	Limit    int    `json:"limit"`
	Next     string `json:"next,omitempty"`
	Previous string `json:"previous,omitempty"`
}

// replyPage answers the page of rows that offset and limit ask for.
func replyPage[T any](w http.ResponseWriter, r *http.Request, rows []T) {
	offset, okOffset := count(r, "offset", 0)
	limit, okLimit := count(r, "limit", defaultLimit)
	if !okOffset || !okLimit || limit < 1 || limit > maxLimit {
		fail(w, http.StatusBadRequest, fmt.Sprintf("'offset' must not be negative and 'limit' must be from 1 to %d", maxLimit))
		return
	}
	start := min(offset, len(rows))
	end := min(start+limit, len(rows))
	m := pageMetadata{Count: end - start, Offset: offset, Limit: limit}
	if end < len(rows) {
		m.Next = pageLink(r, end, limit)
	}
	if start > 0 {
		m.Previous = pageLink(r, max(start-limit, 0), limit)
	}
	reply(w, http.StatusOK, page{
		Self: self(r, r.URL.RequestURI()), Metadata: m, Results: append([]T{}, rows[start:end]...),
	})
}

func count(r *http.Request, name string, absent int) (int, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

func pageLink(r *http.Request, offset, limit int) string {
	q := r.URL.Query()
	q.Set("offset", strconv.Itoa(offset))
	q.Set("limit", strconv.Itoa(limit))
	return self(r, r.URL.Path+"?"+q.Encode())
}

package atlassiantest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	defaultPageSize = 20   // unverified
	maxPageSize     = 1000 // unverified: the most that scripts in the field ask for
	maxBody         = 1 << 20
)

func (c call) reply(status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		c.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text)
}

func (c call) fail(status int, message string) { writeError(c.w, c.knobs.Errors, status, message) }

func (d *Double) fail(w http.ResponseWriter, status int, message string) {
	writeError(w, d.knob().Errors, status, message)
}

// writeError: no page of the vendor's shows the body of an error, so the JSON
// is made up and the others are as likely.
func writeError(w http.ResponseWriter, form ErrorBody, status int, message string) {
	switch form {
	case EmptyBody:
		w.WriteHeader(status)
	case HTMLBody:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status))
	case JSONBody:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": status, "message": message})
	}
}

// read decodes a strict JSON body, which may be absent, or answers 400 and is
// false.
func (c call) read(into any) bool {
	if c.r.ContentLength == 0 {
		return true
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		c.fail(http.StatusBadRequest, "the body must be application/json")
		return false
	}
	dec := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		c.fail(http.StatusBadRequest, "the body is not the JSON expected")
		return false
	}
	if _, err := dec.Token(); err != io.EOF {
		c.fail(http.StatusBadRequest, "the body has more than one value")
		return false
	}
	return true
}

// page answers the rows that pageSize and cursor ask for. filters are the
// query's other keys, which a link that is a URL repeats.
func (c call) page(rows []any, filters ...string) {
	if c.knobs.EmptyLists {
		rows = nil
	}
	start, okStart := c.offset()
	size, okSize := c.pageSize()
	if !okStart || !okSize || start > len(rows) {
		c.fail(http.StatusBadRequest, "bad cursor or pageSize")
		return
	}
	if c.failPage(start/size + 1) {
		return
	}
	end := min(start+size, len(rows))
	links := map[string]any{"self": c.link(start, filters), "prev": nil, "next": nil}
	if start > 0 {
		links["prev"] = c.link(max(start-size, 0), filters)
	}
	if end < len(rows) {
		links["next"] = c.link(end, filters)
		if c.knobs.Links == Stuck {
			links["next"] = c.link(size, filters)
		}
	}
	body := map[string]any{"data": append([]any{}, rows[start:end]...), "links": links}
	if c.knobs.EmptyData {
		body["data"] = nil
	}
	if c.knobs.NoLinks {
		delete(body, "links")
	}
	c.reply(http.StatusOK, body)
}

func (c call) failPage(n int) bool {
	if c.knobs.FailPage != n || !strings.HasSuffix(c.r.URL.Path, c.knobs.FailList) {
		return false
	}
	status := c.knobs.FailStatus
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if status == http.StatusTooManyRequests {
		c.d.limitHeaders(c.w, 0, c.d.cfg.Now().Add(LimitedFor))
	}
	c.fail(status, "this page fails")
	return true
}

// cursorMark makes cursors that nobody mistakes for a number.
const cursorMark = "offset:"

func (c call) offset() (int, bool) {
	text := c.query("cursor")
	if text == "" {
		return 0, true
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !strings.HasPrefix(string(plain), cursorMark) {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimPrefix(string(plain), cursorMark))
	return n, err == nil && n >= 0
}

func (c call) pageSize() (int, bool) {
	text := c.query("pageSize")
	if text == "" {
		return min(defaultPageSize, c.d.cfg.PageCap), true
	}
	n, err := strconv.Atoi(text)
	return min(n, c.d.cfg.PageCap), err == nil && n >= 1 && n <= maxPageSize
}

func (c call) link(offset int, filters []string) string {
	cursor := base64.StdEncoding.EncodeToString([]byte(cursorMark + strconv.Itoa(offset)))
	query := url.Values{"cursor": {cursor}}
	for _, name := range append([]string{"pageSize"}, filters...) {
		if v := c.query(name); v != "" {
			query.Set(name, v)
		}
	}
	path := c.r.URL.EscapedPath()
	switch c.knobs.Links {
	case FullURL:
		return "http://" + c.r.Host + path + "?" + query.Encode()
	case RelativeURL:
		return path + "?" + query.Encode()
	case ForeignURL:
		return "https://pages.example.net" + path + "?" + query.Encode()
	case NoCursor:
		return "http://" + c.r.Host + path
	case BareCursor, Stuck:
		return cursor
	}
	return cursor
}

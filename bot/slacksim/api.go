package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bodyLimit is more than any call of the Web API needs.
const bodyLimit = 8 << 20

// method is one Web API method.
type method struct {
	scopes  []string // any one of them is enough; none means no scope
	appOnly bool     // wants the app-level token, in the header
	run     func(*Sim, *call) (doc, error)
}

// apiError is an answer with ok:false.
type apiError struct {
	code     string
	messages []string
	extra    doc
	expected bool // the app asked for a verdict: no misuse
}

func (e *apiError) Error() string { return e.code }

func refuse(code string, messages ...string) error {
	return &apiError{code: code, messages: messages}
}

// misuse are the errors that a correct app never provokes, whatever people do.
var misuse = []string{
	"invalid_blocks", "invalid_arguments", "invalid_form_data", "invalid_json", "missing_scope", "unknown_method",
	"no_text", "msg_too_long", "view_too_large", "push_limit_reached", "messages_tab_disabled", "not_enabled",
	"not_allowed_token_type", "invalid_cursor", "invalid_limit", "missing_argument", "alt_txt_too_large", "snippet_too_large",
}

func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	if !s.pause(r, name) {
		return
	}
	c, err := readCall(r)
	s.mu.Lock()
	status, header, body := s.answer(name, c, err)
	answer := s.encode(body)
	s.record(Entry{Kind: "api", Name: name, Status: status, Request: s.encode(c.redacted()), Response: answer})
	s.mu.Unlock()
	maps.Copy(w.Header(), header)
	s.respond(w, status, answer)
}

// respond writes JSON that was encoded under the lock.
func (s *Sim) respond(w http.ResponseWriter, status int, answer json.RawMessage) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(answer); err != nil {
		s.log.Debug().Err(err).Msg("writing answer")
	}
}

// pause applies the Delay knob. It is false when the caller gave up.
func (s *Sim) pause(r *http.Request, name string) bool {
	s.mu.Lock()
	wait := s.faults.delays[name]
	s.mu.Unlock()
	if wait == 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// answer runs one call under the lock.
func (s *Sim) answer(name string, c *call, readErr error) (int, http.Header, doc) {
	if s.faults.down {
		return http.StatusServiceUnavailable, nil, doc{"ok": false, "error": "service_unavailable"}
	}
	if wait, ok := s.faults.limited(name); ok {
		return http.StatusTooManyRequests, http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()))}},
			doc{"ok": false, "error": "ratelimited"}
	}
	if code, ok := s.faults.failing(name); ok {
		return http.StatusOK, nil, doc{"ok": false, "error": code}
	}
	body, err := s.run(name, c, readErr)
	if s.faults.lost(name) {
		return http.StatusInternalServerError, nil, doc{"ok": false, "error": "internal_error"}
	}
	header := http.Header{"X-Oauth-Scopes": {strings.Join(s.manifest.scopes(), ",")}}
	if err == nil {
		body["ok"] = true
		return http.StatusOK, header, body
	}
	return http.StatusOK, header, s.refusal(name, err)
}

func (s *Sim) refusal(name string, err error) doc {
	refused, ok := errors.AsType[*apiError](err)
	if !ok {
		refused = &apiError{code: "internal_error", messages: []string{err.Error()}}
	}
	if slices.Contains(misuse, refused.code) && !refused.expected {
		s.problem("%s: %s %s", name, refused.code, strings.Join(refused.messages, "; "))
	}
	out := doc{"ok": false, "error": refused.code}
	if len(refused.messages) > 0 {
		out["response_metadata"] = doc{"messages": refused.messages}
	}
	maps.Copy(out, refused.extra)
	return out
}

func (s *Sim) run(name string, c *call, readErr error) (doc, error) {
	if readErr != nil {
		return nil, readErr
	}
	m, ok := webAPI()[name]
	if !ok {
		return nil, &apiError{code: "unknown_method", extra: doc{"req_method": name}}
	}
	if err := s.authorize(c, m); err != nil {
		return nil, err
	}
	c.name = name
	return m.run(s, c)
}

func (s *Sim) authorize(c *call, m method) error {
	token, want, other := c.token, s.botToken, s.appToken
	if m.appOnly {
		token, want, other = c.bearer, s.appToken, s.botToken
	}
	switch {
	case token == "":
		return refuse("not_authed")
	case token == other:
		return refuse("not_allowed_token_type")
	case token != want:
		return refuse("invalid_auth")
	case !m.appOnly && s.faults.revoked:
		return refuse("token_revoked")
	case m.appOnly:
		return nil
	}
	return s.needScope(m.scopes...)
}

// needScope fails like Slack unless one of the scopes was granted.
func (s *Sim) needScope(anyOf ...string) error {
	if s.manifest.allows(anyOf...) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: doc{
		"needed": strings.Join(anyOf, ","), "provided": strings.Join(s.manifest.scopes(), ","),
	}}
}

// call is one request, whichever of Slack's encodings it came in.
type call struct {
	name   string
	token  string // from the header or the form
	bearer string // from the header
	args   doc
}

func readCall(r *http.Request) (*call, error) {
	c := &call{args: doc{}}
	c.bearer, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c.token = c.bearer
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return c, refuse("invalid_form_data")
	}
	r.Body = http.MaxBytesReader(nil, r.Body, bodyLimit)
	if kind == "application/json" {
		raw, err := io.ReadAll(r.Body)
		if err != nil || len(raw) > 0 && json.Unmarshal(raw, &c.args) != nil {
			return c, refuse("invalid_json")
		}
		return c, nil
	}
	parse := r.ParseForm
	if kind == "multipart/form-data" {
		parse = func() error { return r.ParseMultipartForm(bodyLimit) }
	}
	if err := parse(); err != nil {
		return c, refuse("invalid_form_data")
	}
	for key := range r.Form {
		c.args[key] = r.Form.Get(key)
	}
	if c.token == "" {
		c.token = c.text("token")
	}
	return c, nil
}

// redacted is what the traffic log may keep.
func (c *call) redacted() doc {
	out := maps.Clone(c.args)
	if _, ok := out["token"]; ok {
		out["token"] = "[redacted]"
	}
	for key, v := range out {
		if raw, ok := v.(string); ok && (strings.HasPrefix(raw, "[{") || strings.HasPrefix(raw, "{")) && json.Valid([]byte(raw)) {
			out[key] = json.RawMessage(raw)
		}
	}
	return out
}

func (c *call) text(key string) string {
	switch v := c.args[key].(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

func (c *call) flag(key string) bool {
	v, err := strconv.ParseBool(c.text(key))
	return err == nil && v
}

// list reads a comma separated string or a JSON array.
func (c *call) list(key string) []string {
	if items, ok := c.args[key].([]any); ok {
		return each(items, func(v any) string { return fmt.Sprint(v) })
	}
	return strings.FieldsFunc(c.text(key), func(r rune) bool { return r == ',' || r == ' ' })
}

// object reads a JSON value that may be encoded as a string. It is nil when absent.
func (c *call) object(key string) (any, error) {
	raw, ok := c.args[key].(string)
	if !ok {
		return c.args[key], nil
	}
	if raw == "" {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return nil, refuse("invalid_arguments", fmt.Sprintf("[ERROR] %s is not JSON [json-pointer:/%s]", key, key))
	}
	return v, nil
}

package vaulttest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/secret"
)

// The capabilities a policy gives on a path.
const (
	create = "create"
	read   = "read"
	update = "update"
)

// Token says what a token can do and for how long.
type Token struct {
	TTL       time.Duration // zero for no end
	Period    time.Duration // what renewals set it to; zero takes what is asked for
	Max       time.Duration // after this it ends whatever was renewed; zero for none
	Renewable bool
	Policy    map[string][]string // capabilities by path, which may end with *
	NoDefault bool                // without the policy "default": it can't look after itself
}

type token struct {
	Token
	made, ends time.Time // ends is zero for never
}

// AddToken makes a token.
func (d *Double) AddToken(t Token) secret.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	id := "hvs.double-" + strconv.Itoa(d.serial)
	made := &token{Token: t, made: d.now()}
	if t.TTL > 0 {
		made.ends = made.made.Add(t.TTL)
	}
	d.tokens[id] = made
	return secret.New(id)
}

// RevokeToken ends a token.
func (d *Double) RevokeToken(id secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tokens, id.Expose())
}

// TokenLeft is how long a token still lives; zero when it does not.
func (d *Double) TokenLeft(id secret.Value) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.live(id.Expose()); t != nil {
		return t.ends.Sub(d.now())
	}
	return 0
}

func (d *Double) live(id string) *token {
	t := d.tokens[id]
	if t == nil || !t.ends.IsZero() && !d.now().Before(t.ends) {
		return nil
	}
	return t
}

// may says whether a token has a capability on a path. The longest path that
// matches decides.
func (t *token) may(capability, path string) bool {
	length, has := -1, false
	for pattern, capabilities := range t.Policy {
		prefix, open := strings.CutSuffix(pattern, "*")
		if (pattern == path || open && strings.HasPrefix(path, prefix)) && len(prefix) > length {
			length, has = len(prefix), slices.Contains(capabilities, capability)
		}
	}
	return has
}

// sees says whether a token can do anything below a mount.
func (t *token) sees(mount string) bool {
	for pattern := range t.Policy {
		if strings.HasPrefix(pattern, mount+"/") {
			return true
		}
	}
	return false
}

func (d *Double) lookUpSelf(id string, t *token) reply {
	data := object{
		"accessor": "double-accessor", "creation_time": t.made.Unix(), "creation_ttl": int64(t.TTL / time.Second),
		"display_name": "token", "entity_id": "", "expire_time": nil, "explicit_max_ttl": int64(t.Max / time.Second),
		"id": id, "meta": nil, "num_uses": 0, "orphan": true, "path": "auth/token/create",
		"policies": []string{"default", "latchkey"}, "ttl": 0, "type": "service",
	}
	if t.Period > 0 {
		data["period"] = int64(t.Period / time.Second)
	}
	if !t.ends.IsZero() {
		data["expire_time"], data["issue_time"] = t.ends, t.made
		data["ttl"], data["renewable"] = int64(t.ends.Sub(d.now())/time.Second), t.Renewable
	}
	return ok(data, "token")
}

func (d *Double) renewSelf(id string, t *token, body []byte) reply {
	var in struct {
		Increment *json.Number `json:"increment"`
	}
	if !decode(body, &in) || in.Increment == nil {
		return refuse(http.StatusBadRequest, "error parsing JSON")
	}
	increment, err := in.Increment.Int64()
	if err != nil || increment < 0 {
		return refuse(http.StatusBadRequest, "error converting input for field \"increment\"")
	}
	if !t.Renewable {
		return refuse(http.StatusBadRequest, "lease is not renewable")
	}
	longer := time.Duration(increment) * time.Second
	if t.Period > 0 {
		longer = t.Period
	}
	t.ends = d.now().Add(longer)
	if last := t.made.Add(t.Max); t.Max > 0 && t.ends.After(last) {
		t.ends = last
	}
	answer := envelope(nil, "token")
	answer["auth"] = object{
		"client_token": id, "accessor": "double-accessor", "policies": []string{"default", "latchkey"}, "metadata": nil,
		"lease_duration": int64(t.ends.Sub(d.now()) / time.Second), "renewable": true, "entity_id": "", "token_type": "service", "orphan": true,
	}
	return reply{status: http.StatusOK, body: answer}
}

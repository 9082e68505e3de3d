package atlassiantest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// stamp is one of the two ways the vendor's APIs write the same time.
func stamp(t time.Time, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}

const (
	offsetLayout = "2006-01-02T15:04:05.000000-07:00" // +00:00, with fractions
	zuluLayout   = "2006-01-02T15:04:05.000Z"
)

func (c call) listUserTokens() { c.page(c.tokenRows(userToken), "q", "status") }

// The rows of service accounts' tokens are assumed to be those of people's.
func (c call) listServiceTokens() { c.page(c.tokenRows(serviceToken)) }

func (c call) tokenRows(s sort) []any {
	q, status, label := c.query("q"), c.query("status"), c.query("tokenLabel")
	var rows []any
	for _, t := range c.d.listed(s, false) {
		state := "ALLOWED"
		if t.Blocked {
			state = "BLOCKED"
		}
		user := map[string]any{"id": t.Owner, "orgId": c.d.cfg.OrgID}
		name := ""
		if p := c.d.person(t.Owner); p != nil {
			user["name"], user["email"] = p.Name, p.Email
			name = p.Name + "\n" + p.Email
		}
		fuzzy := strings.ToLower(t.Label + "\n" + name)
		if status != "" && status != state || !strings.Contains(fuzzy, strings.ToLower(q)) || !strings.Contains(t.Label, label) {
			continue
		}
		row := map[string]any{
			"id": t.id, "label": t.Label, "status": state, "user": user,
			"createdAt": stamp(t.CreatedAt, offsetLayout), "expiresAt": stamp(t.ExpiresAt, offsetLayout),
			"lastActiveAt": stamp(t.LastActiveAt, zuluLayout),
		}
		if t.Scopes != nil {
			row["scopes"] = t.Scopes
		}
		rows = append(rows, row)
	}
	return rows
}

func (c call) listKeys() {
	var rows []any
	for _, k := range c.d.listed(orgKey, c.knobs.KeepRevoked) {
		row := map[string]any{
			"id": k.id, "label": k.Label, "createdAt": stamp(k.CreatedAt, zuluLayout),
			"expiresAt": stamp(k.ExpiresAt, zuluLayout), "lastActiveAt": stamp(k.LastActiveAt, zuluLayout),
			"systemAccountId": "system-" + k.id, "resource": "ari:cloud:platform::org/" + c.d.cfg.OrgID, "orgId": c.d.cfg.OrgID,
			"scopes": append([]string{}, k.Scopes...), "targetResources": []string{},
			"token": nil, "revokedBy": nil, "revocationDate": nil,
		}
		if p := c.d.person(k.Owner); p != nil {
			row["createdBy"] = map[string]any{"id": p.ID, "name": p.Name, "email": p.Email}
		}
		if !k.revoked.IsZero() {
			row["revokedBy"], row["revocationDate"] = row["createdBy"], stamp(k.revoked, zuluLayout)
		}
		rows = append(rows, row)
	}
	c.page(rows)
}

func (c call) countUserTokens() { c.reply(http.StatusOK, len(c.d.listed(userToken, false))) }

func (c call) countKeys() { c.reply(http.StatusOK, len(c.d.listed(orgKey, false))) }

// listOwnTokens is a person's list: a bare array, in one piece, with other
// field names.
func (c call) listOwnTokens() {
	p := c.managed()
	if p == nil {
		return
	}
	rows := []any{}
	for _, t := range c.d.listed(userToken, false) {
		if t.Owner == p.ID && !c.knobs.EmptyLists {
			rows = append(rows, map[string]any{
				"id": t.id, "label": t.Label, "createdAt": stamp(t.CreatedAt, zuluLayout),
				"lastAccess": stamp(t.LastActiveAt, zuluLayout), "expiry": stamp(t.ExpiresAt, zuluLayout),
			})
		}
	}
	c.reply(http.StatusOK, rows)
}

func (c call) deleteToken() {
	if c.managed() != nil {
		c.revoke(http.StatusNoContent, func(t *credential) bool {
			return t.sort == userToken && t.Owner == c.arg(0) && t.id == c.arg(1)
		})
	}
}

// revokeKey answers 200: the vendor's pages don't say which of the 2xx it is.
func (c call) revokeKey() {
	c.revoke(http.StatusOK, func(k *credential) bool { return k.sort == orgKey && k.id == c.arg(1) })
}

func (c call) revoke(status int, match func(*credential) bool) {
	i := slices.IndexFunc(c.d.creds, func(t *credential) bool { return t.revoked.IsZero() && match(t) })
	if i < 0 || c.knobs.Hide {
		c.fail(http.StatusNotFound, "not found")
		return
	}
	if !c.knobs.Lie {
		c.d.creds[i].revoked = c.d.cfg.Now()
	}
	c.w.WriteHeader(status)
}

// revokeAll is what nobody should ever call. It does it.
func (c call) revokeAll() {
	for _, t := range c.d.creds {
		all := t.sort == userToken && len(c.args) == 1
		account := t.sort == serviceToken && len(c.args) == 2 && t.Owner == c.arg(1)
		if (all || account) && t.revoked.IsZero() {
			t.revoked = c.d.cfg.Now()
		}
	}
	c.w.WriteHeader(http.StatusOK)
}

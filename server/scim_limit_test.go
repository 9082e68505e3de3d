package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"latchkey/workflow"
)

func (d *directory) refused(t *testing.T, r reply, status int, sort string) {
	t.Helper()
	var p struct {
		Schemas          []string
		Status, SCIMType string
		Detail           string
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("%d, not an error of SCIM: %s", r.status, r.body)
	}
	if r.status != status || p.SCIMType != sort || p.Status != fmt.Sprint(status) || p.Detail == "" || len(p.Detail) > 400 {
		t.Errorf("%d %q, want %d %q: %s", r.status, p.SCIMType, status, sort, r.body)
	}
}

func TestSCIMLimits(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	id := d.newUser(t, "alice@example.com")
	group := d.newGroup(t, "Security")
	nested := func(n int, left, middle, right string) string {
		return strings.Repeat(left, n) + middle + strings.Repeat(right, n)
	}
	filter := func(f string) reply { return d.send(t, http.MethodGet, "/Users?filter="+url.QueryEscape(f), "") }
	for _, tc := range []struct {
		name   string
		got    reply
		status int
		sort   string
	}{
		{"a body of more than 1 MiB", d.send(t, http.MethodPost, "/Users", `{"userName":"`+strings.Repeat("a", maxSCIMBody)+`"}`), 413, ""},
		{"deep objects", d.send(t, http.MethodPost, "/Users", `{"userName":"b","x":`+nested(5000, `{"a":`, "1", "}")+`}`), 400, "invalidSyntax"},
		{"deep lists", d.send(t, http.MethodPost, "/Users", `{"userName":"b","x":`+nested(200_000, "[", "", "]")+`}`), 400, "invalidSyntax"},
		{"many values", d.send(t, http.MethodPost, "/Users", `{"userName":"b","roles":[`+nested(1000, `{"value":"x"},`, `{"value":"y"}`, "")+`]}`), 400, "invalidValue"},
		{"many values of something unknown", d.send(t, http.MethodPost, "/Users", `{"userName":"b","x":[`+nested(1000, `1,`, `2`, "")+`]}`), 400, "invalidValue"},
		{"many operations", d.send(t, http.MethodPatch, "/Users/"+id, patchOf(nested(1000, `{"op":"remove","path":"title"},`, `{"op":"remove","path":"title"}`, ""))), 400, "tooMany"},
		{"not UTF-8", d.send(t, http.MethodPost, "/Users", "{\"userName\":\"\xff\"}"), 400, "invalidSyntax"},
		{"a filter not UTF-8", filter("userName eq \"\xff\""), 400, "invalidFilter"},
		{"a long filter", filter("userName eq \"" + strings.Repeat("a", 9<<10) + "\""), 400, "invalidFilter"},
		{"a deep filter", filter(nested(100, "(", "userName pr", ")")), 400, "invalidFilter"},
		{"a deep filter of nots", filter(nested(100, "not (", "userName pr", ")")), 400, "invalidFilter"},
		{"a deep filter in a path", d.send(t, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"remove","path":"emails[`+nested(100, "(", "value pr", ")")+`]"}`)), 400, "invalidFilter"},
		{"a long path", d.send(t, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"remove","path":"`+strings.Repeat("a", 9<<10)+`"}`)), 400, "invalidPath"},
		{"a zero byte in a path", d.send(t, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"remove","path":"a\u0000"}`)), 400, "invalidValue"},
		{"an id with a zero byte", d.send(t, http.MethodGet, "/Users/%00", ""), 404, ""},
		{"a query that can't be read", d.send(t, http.MethodGet, "/Users?filter=%zz", ""), 400, "invalidValue"},
		{"a member that is no id", d.send(t, http.MethodPatch, "/Groups/"+group, patchOf(`{"op":"add","path":"members","value":[{"value":"'; DROP TABLE scim_user; --"}]}`)), 400, "invalidValue"},
	} {
		t.Run(tc.name, func(t *testing.T) { d.refused(t, tc.got, tc.status, tc.sort) })
	}
	if n := d.count(t, `SELECT count(*) FROM scim_user`); n != 1 {
		t.Errorf("%d users, want the one there was", n)
	}

	// What is at the limit, or only looks hostile, is served.
	long := filter("userName pr" + strings.Repeat(` or title eq "x"`, 500))
	if long.status != http.StatusOK {
		t.Errorf("a filter of 500 conditions: %d %s", long.status, long.body)
	}
	if r := filter(nested(30, "(", "userName pr", ")")); r.status != http.StatusOK {
		t.Errorf("a filter of 30 parentheses: %d %s", r.status, r.body)
	}
	for _, name := range []string{"ｗｉｄｅ@example.com", "a\u202ebc", "e\u0301", "🦊", `"quoted"@x`, "a b", "%00", "{}", "ſ"} {
		made := d.send(t, http.MethodPost, "/Users", fmt.Sprintf(`{"userName":%q}`, name))
		if made.status != http.StatusCreated {
			t.Errorf("%q: %d %s", name, made.status, made.body)
			continue
		}
		quoted, _ := json.Marshal(name)
		found := filter("userName eq " + string(quoted))
		if !strings.Contains(found.body, `"totalResults":1`) {
			t.Errorf("%q is not found: %s", name, found.body)
		}
	}
}

// TestSCIMFilterOverTooMany: what the database can't answer is looked at up to
// a bound, and what it can answer has none.
func TestSCIMFilterOverTooMany(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	d.manyUsers(t, 10_001)
	d.refused(t, d.send(t, http.MethodGet, "/Users?filter="+url.QueryEscape(`title co "x"`), ""), 400, "tooMany")
	for filter, total := range map[string]int{
		`userName eq "user77@example.com" and title co "x"`: 0, `userName eq "USER77@example.com"`: 1, `active eq true`: 10_001,
		`emails[type eq "work"].value eq "user5@example.com"`: 1, `externalId eq "x5"`: 1, `displayName eq "user 5"`: 1, ``: 10_001,
	} {
		r := d.must(t, http.StatusOK, http.MethodGet, "/Users?count=1&startIndex=1&filter="+url.QueryEscape(filter), "")
		if !strings.Contains(r.body, fmt.Sprintf(`"totalResults":%d,`, total)) {
			t.Errorf("%s: %.200s; want %d", filter, r.body, total)
		}
	}
	r := d.must(t, http.StatusOK, http.MethodGet, "/Users?startIndex=9990&count=500&attributes=userName", "")
	if n := strings.Count(r.body, `"userName"`); n != 12 {
		t.Errorf("%d on the last page, want 12", n)
	}
	r = d.must(t, http.StatusOK, http.MethodGet, "/Users?count=1000&attributes=userName", "")
	if n := strings.Count(r.body, `"userName"`); n != workflow.SCIMMaxPage {
		t.Errorf("%d on a page, want %d", n, workflow.SCIMMaxPage)
	}
}

// manyUsers puts users into the database as the door would.
func (d *directory) manyUsers(t testing.TB, n int) {
	t.Helper()
	d.exec(t, `
		WITH made AS (
			INSERT INTO person (email, name) SELECT 'user' || i || '@example.com', 'user' FROM generate_series(1, $1::int) i RETURNING id, email
		), numbered AS (
			SELECT id, email, substring(email FROM '\d+') AS i FROM made
		)
		INSERT INTO scim_user (person_id, user_name, external_id, display_name, emails, active, body)
		SELECT id, email, 'x' || i, 'user ' || i, ARRAY[email], true,
		       jsonb_build_object('userName', email, 'externalId', 'x' || i, 'displayName', 'User ' || i, 'active', true,
		                          'emails', jsonb_build_array(jsonb_build_object('value', email, 'type', 'work')))
		FROM numbered ORDER BY i::int`, n)
	d.exec(t, `ANALYZE scim_user`)
	d.exec(t, `ANALYZE person`)
}

// TestSCIMBigGroup: one member more or less of thousands touches one row.
func TestSCIMBigGroup(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	d.manyUsers(t, 5000)
	group := d.newGroup(t, "Security")
	ids := d.ids(t, `SELECT resource::text FROM scim_user ORDER BY id`)
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	d.must(t, http.StatusOK, http.MethodPut, "/Groups/"+group, `{"displayName":"Security","members":[`+strings.Join(all, ",")+`]}`)
	since := d.lastEvent(t)
	written := func() int {
		return d.count(t, `SELECT count(*) FROM group_member WHERE xmin::text::bigint > (SELECT max(xmin::text::bigint) FROM scim_user)`)
	}
	before := written()
	d.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, ids[7])))
	d.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, ids[7])))
	if n := written(); n != before {
		t.Errorf("%d rows are new, want as many as before: %d", n, before)
	}
	if n := d.count(t, `SELECT count(*) FROM audit_event WHERE id > $1`, since); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	d.checkGroups(t)
	d.must(t, http.StatusOK, http.MethodPut, "/Groups/"+group, `{"displayName":"Security","members":[`+all[0]+`]}`)
	d.checkGroups(t)
	if n := d.count(t, `SELECT count(*) FROM river_job WHERE kind = 'role_change'`); n != 5000 {
		t.Errorf("%d role changes, want one for each who lost the group and one for the member that went and came", n)
	}
}

func TestSCIMKeys(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	other := d.ownKey(t, "credentials:read")
	r := d.send(t, http.MethodGet, "/Users", "", "Authorization", "Bearer "+other)
	d.refused(t, r, http.StatusForbidden, "")
	if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="latchkey", error="insufficient_scope", scope="people:provision"` {
		t.Errorf("WWW-Authenticate is %s", got)
	}
	d.refused(t, d.send(t, http.MethodPost, "/Users", `{"userName":"a"}`, "Authorization", "Bearer "+other), http.StatusForbidden, "")
	d.must(t, http.StatusOK, http.MethodGet, "/Users", "")
	d.exec(t, `UPDATE credential SET state = 'suspended' WHERE scopes @> '{people:provision}'`)
	d.refused(t, d.send(t, http.MethodGet, "/Users", ""), http.StatusUnauthorized, "")
	d.exec(t, `UPDATE credential SET state = 'active', activated_at = activated_at - interval '60 days', expires_at = latchkey_now() WHERE scopes @> '{people:provision}'`)
	d.refused(t, d.send(t, http.MethodDelete, "/Users/x", ""), http.StatusUnauthorized, "")

	limited := 0
	for range 40 {
		if d.send(t, http.MethodGet, "/Users", "", "Authorization", "Bearer lk_live_wrong").status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Error("nobody stops who guesses keys")
	}
	if n := d.count(t, `SELECT count(*) FROM scim_user`); n != 0 {
		t.Errorf("%d users", n)
	}
}

// TestSCIMPace: who calls too fast is told when to come back.
func TestSCIMPace(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	d.http = httptest.NewServer(d.server.scimDoorAt(rate.NewLimiter(0, 3)))
	t.Cleanup(d.http.Close)
	for range 3 {
		d.must(t, http.StatusOK, http.MethodGet, "/ServiceProviderConfig", "")
	}
	r := d.send(t, http.MethodGet, "/Users", "")
	d.refused(t, r, http.StatusTooManyRequests, "")
	if r.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", r.header.Get("Retry-After"))
	}
}

// TestSCIMLeaveOfTheKeysOwner: the key stops with its owner, after the leave.
func TestSCIMLeaveOfTheKeysOwner(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	id := d.newUser(t, "admin@example.com")
	d.must(t, http.StatusOK, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"replace","path":"active","value":false}`))
	if d.count(t, `SELECT count(*) FROM offboarding`) != 1 {
		t.Error("no case")
	}
	d.refused(t, d.send(t, http.MethodGet, "/Users", ""), http.StatusUnauthorized, "")
}

// TestSCIMFailureIsSaidAndLogged: the database goes away.
func TestSCIMFailureIsSaidAndLogged(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	d.exec(t, `ALTER TABLE scim_user RENAME TO gone`)
	r := d.send(t, http.MethodGet, "/Users", "")
	d.refused(t, r, http.StatusInternalServerError, "")
	if !strings.Contains(d.log.String(), "request failed") || strings.Contains(r.body, "scim_user") {
		t.Errorf("the answer is %s", r.body)
	}
	d.exec(t, `ALTER TABLE gone RENAME TO scim_user`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.service.SCIMUsers(ctx, workflow.SCIMQuery{Count: 1}); err == nil {
		t.Error("a request that ended was served")
	}
}

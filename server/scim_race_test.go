package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func replaced(s, from, to string) string { return strings.ReplaceAll(s, from, to) }

// atOnce makes calls at the same moment and counts their statuses.
func atOnce(n int, call func(i int) reply) map[int]int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	out := map[int]int{}
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			r := call(i)
			mu.Lock()
			defer mu.Unlock()
			out[r.status]++
		})
	}
	close(begin)
	wg.Wait()
	return out
}

func TestSCIMOneUserPostedAtOnce(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	for _, slack := range []bool{true, false} {
		name := fmt.Sprintf("alice-%t@example.com", slack)
		if slack {
			d.hire(t, name)
		}
		got := atOnce(12, func(int) reply {
			return d.send(t, http.MethodPost, "/Users", fmt.Sprintf(`{"userName":%q,"externalId":"E-%t"}`, name, slack))
		})
		if got[http.StatusCreated] != 1 || got[http.StatusConflict] != 11 {
			t.Errorf("Slack %t: %v, want one 201 and 409s", slack, got)
		}
		if n := d.count(t, `SELECT count(*) FROM person WHERE email = $1`, name); n != 1 {
			t.Errorf("%d persons", n)
		}
	}
}

// TestSCIMTwoUsersOfOneAddress: both are made, and both are the one person.
func TestSCIMTwoUsersOfOneAddress(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	got := atOnce(8, func(i int) reply {
		return d.send(t, http.MethodPost, "/Users", fmt.Sprintf(`{"userName":"a%d","emails":[{"value":"alice@example.com","type":"work"}]}`, i))
	})
	if got[http.StatusCreated] != 8 {
		t.Errorf("%v, want eight 201", got)
	}
	if n := d.count(t, `SELECT count(DISTINCT person_id) FROM scim_user`); n != 1 {
		t.Errorf("%d persons", n)
	}
	ids := d.ids(t, `SELECT resource::text FROM scim_user`)
	got = atOnce(8, func(i int) reply {
		return d.send(t, http.MethodPatch, "/Users/"+ids[i], patchOf(`{"op":"replace","path":"active","value":false}`))
	})
	if got[http.StatusOK] != 8 || d.count(t, `SELECT count(*) FROM offboarding`) != 1 || d.count(t, `SELECT count(*) FROM person WHERE email = 'alice@example.com' AND active`) != 0 {
		t.Errorf("%v; the last of them to go is the leave, once", got)
	}
}

func (d *directory) ids(t testing.TB, sql string) []string {
	t.Helper()
	rows, err := d.db.Pool().Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}

// TestSCIMPatchesAtOnce: no change is lost, and one deactivation is one case.
func TestSCIMPatchesAtOnce(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	id := d.newUser(t, "alice@example.com")
	got := atOnce(16, func(i int) reply {
		return d.send(t, http.MethodPatch, "/Users/"+id, patchOf(fmt.Sprintf(`{"op":"add","path":"roles","value":[{"value":"r%d"}]}`, i)))
	})
	if got[http.StatusOK] != 16 || d.count(t, `SELECT jsonb_array_length(body->'roles') FROM scim_user`) != 16 || d.count(t, `SELECT version FROM scim_user`) != 17 {
		t.Errorf("%v, %d roles", got, d.count(t, `SELECT jsonb_array_length(body->'roles') FROM scim_user`))
	}
	got = atOnce(16, func(int) reply {
		return d.send(t, http.MethodPatch, "/Users/"+id, patchOf(`{"op":"replace","path":"active","value":false}`))
	})
	if got[http.StatusOK] != 16 || d.count(t, `SELECT count(*) FROM offboarding`) != 1 {
		t.Errorf("%v, %d cases, want one", got, d.count(t, `SELECT count(*) FROM offboarding`))
	}
	got = atOnce(8, func(i int) reply {
		return d.send(t, http.MethodPatch, "/Users/"+id, patchOf(fmt.Sprintf(`{"op":"replace","path":"title","value":"t%d"}`, i)), "If-Match", `W/"18"`)
	})
	if got[http.StatusOK] != 1 || got[http.StatusPreconditionFailed] != 7 {
		t.Errorf("%v, want one 200 and 412s", got)
	}
}

// TestSCIMMembersAtOnce adds, removes, renames and deletes at once: nothing
// fails, and the group that rules see is the one that the directory sees.
func TestSCIMMembersAtOnce(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	group := d.newGroup(t, "Security")
	users := make([]string, 24)
	for i := range users {
		users[i] = d.newUser(t, fmt.Sprintf("u%d@example.com", i))
	}
	got := atOnce(len(users)*2+6, func(i int) reply {
		switch {
		case i < len(users):
			return d.send(t, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, users[i])))
		case i < 2*len(users) && i%3 == 0:
			return d.send(t, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, users[i-len(users)])))
		case i < 2*len(users) && i%3 == 1:
			return d.send(t, http.MethodPatch, "/Users/"+users[i-len(users)], patchOf(`{"op":"replace","path":"active","value":false}`))
		case i < 2*len(users):
			return d.send(t, http.MethodGet, "/Groups/"+group, "")
		}
		return d.send(t, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"replace","path":"displayName","value":"Security %d"}`, i)))
	})
	for status := range got {
		if status != http.StatusOK && status != http.StatusNoContent {
			t.Errorf("%v", got)
		}
	}
	d.checkGroups(t)
	got = atOnce(2*len(users), func(i int) reply {
		if i < len(users) {
			return d.send(t, http.MethodDelete, "/Users/"+users[i], "")
		}
		return d.send(t, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, users[i-len(users)])))
	})
	if got[http.StatusNoContent]+got[http.StatusBadRequest] != 2*len(users) || got[http.StatusNoContent] < len(users) {
		t.Errorf("users deleted while they are added: %v", got)
	}
	d.checkGroups(t)
}

// checkGroups compares what rules see of groups with what the directory sees.
func (d *directory) checkGroups(t testing.TB) {
	t.Helper()
	n := d.count(t, `
		WITH ours AS (SELECT source, person_id FROM group_member),
		     theirs AS (SELECT DISTINCT g.source, u.person_id FROM scim_member m JOIN scim_group g ON g.id = m.group_id JOIN scim_user u ON u.id = m.user_id)
		SELECT (SELECT count(*) FROM (TABLE ours EXCEPT TABLE theirs) a) + (SELECT count(*) FROM (TABLE theirs EXCEPT TABLE ours) b)`)
	if n > 0 {
		t.Errorf("%d places in groups differ", n)
	}
	if n := d.count(t, `SELECT count(*) FROM group_source s WHERE NOT EXISTS (SELECT FROM scim_group g WHERE g.source = s.source)`); n > 0 {
		t.Errorf("%d sources have no group", n)
	}
}

package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

func (h *house) scimUser(t testing.TB, person PersonID, name string) SCIMUser {
	t.Helper()
	u := SCIMUser{PersonID: person, UserName: name, ExternalID: "x-" + name, Emails: []string{name + "@example.com"}, Active: true,
		Body: json.RawMessage(fmt.Sprintf(`{"userName":%q}`, name))}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.InsertSCIMUser(ctx, &u) })
	return u
}

func (h *house) scimGroup(t testing.TB, name string) SCIMGroup {
	t.Helper()
	g := SCIMGroup{DisplayName: name, Source: "scim:" + name, Body: json.RawMessage(fmt.Sprintf(`{"displayName":%q}`, name))}
	h.in(t, func(ctx context.Context, tx Tx) error { return tx.InsertSCIMGroup(ctx, &g) })
	return g
}

func (h *house) groupOf(t testing.TB, source string) (ids []PersonID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) error {
		roll, err := tx.Roll(ctx, []string{source}, []string{}, []PersonID{})
		ids = roll.Sources[source].Members
		return err
	})
	return ids
}

func TestSCIMUserIsUnique(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	u := h.scimUser(t, alice.PersonID, "alice")
	if u.Version != 1 || !isResource(u.Resource) {
		t.Errorf("version %d, resource %q", u.Version, u.Resource)
	}
	for _, tc := range []struct {
		twin SCIMUser
		want string
	}{
		{SCIMUser{PersonID: alice.PersonID, UserName: "alice", Emails: []string{}, Body: json.RawMessage(`{}`)}, "userName"},
		{SCIMUser{PersonID: alice.PersonID, UserName: "other", ExternalID: "x-alice", Emails: []string{}, Body: json.RawMessage(`{}`)}, "externalId"},
	} {
		err := h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.InsertSCIMUser(ctx, &tc.twin) })
		if taken, ok := errors.AsType[*TakenError](err); !ok || taken.Attribute != tc.want {
			t.Errorf("a second %s: %v", tc.want, err)
		}
		if IsCollision(err) {
			t.Errorf("a second %s would be tried again", tc.want)
		}
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		u.UserName, u.Active = "alicia", false
		return tx.UpdateSCIMUser(ctx, &u)
	})
	got, err := h.SCIMUser(context.Background(), u.Resource)
	if err != nil || got.Version != 2 || got.Active || got.UserName != "alicia" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"", "x", "26118915-6090-4610-87e4-49d8ca9f808d", u.Resource[:35] + "G"} {
		if _, err := h.SCIMUser(context.Background(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("user %q: %v", id, err)
		}
	}
}

func TestSCIMMatchFindsByEach(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	a := h.scimUser(t, alice.PersonID, "alice")
	h.scimUser(t, bob.PersonID, "bob")
	text := func(s string) *string { return &s }
	yes, no := true, false
	for name, tc := range map[string]struct {
		match SCIMMatch
		want  int
	}{
		"nothing":                 {SCIMMatch{}, 2},
		"user name":               {SCIMMatch{UserName: text("alice")}, 1},
		"external id":             {SCIMMatch{ExternalID: text("x-bob")}, 1},
		"resource":                {SCIMMatch{Resource: &a.Resource}, 1},
		"no resource":             {SCIMMatch{Resource: text("'; DROP")}, 0},
		"e-mail":                  {SCIMMatch{Email: text("bob@example.com")}, 1},
		"active":                  {SCIMMatch{Active: &yes}, 2},
		"inactive":                {SCIMMatch{Active: &no}, 0},
		"two that fit":            {SCIMMatch{UserName: text("alice"), Email: text("alice@example.com")}, 1},
		"two that do not":         {SCIMMatch{UserName: text("alice"), Email: text("bob@example.com")}, 0},
		"display name of another": {SCIMMatch{DisplayName: text("carol")}, 0},
	} {
		n, err := h.CountSCIMUsers(context.Background(), tc.match)
		rows, err2 := h.SCIMUsers(context.Background(), tc.match, 0, 0, 10)
		if err != nil || err2 != nil || n != tc.want || len(rows) != tc.want {
			t.Errorf("%s: %d and %d, want %d; %v, %v", name, n, len(rows), tc.want, err, err2)
		}
	}
}

func TestSCIMMatchJoin(t *testing.T) {
	t.Parallel()
	a, b, yes, no := "a", "b", true, false
	m := SCIMMatch{UserName: &a}
	if !m.Join(SCIMMatch{Email: &b, Active: &yes}) || *m.Email != b || !*m.Active {
		t.Errorf("%+v", m)
	}
	if !m.Join(SCIMMatch{UserName: &a}) || m.Join(SCIMMatch{UserName: &b}) || *m.UserName != a {
		t.Error("two user names are one")
	}
	if m.Join(SCIMMatch{Active: &no}) || !*m.Active {
		t.Error("active and inactive are one")
	}
}

// TestSCIMMembersArePersons: a person with two users is in a group once, as
// long as one of the users is.
func TestSCIMMembersArePersons(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice, bob := h.person(t, "alice"), h.person(t, "bob")
	by := actorOf(bob)
	a1, a2, b := h.scimUser(t, alice.PersonID, "a1"), h.scimUser(t, alice.PersonID, "a2"), h.scimUser(t, bob.PersonID, "b")
	g := h.scimGroup(t, "security")
	change := func(fn func(context.Context, Tx) error) {
		t.Helper()
		h.in(t, fn)
	}
	add := func(wantAdded, wantUnknown int, users ...string) {
		t.Helper()
		change(func(ctx context.Context, tx Tx) error {
			added, unknown, err := tx.AddSCIMMembers(ctx, g, users, by)
			if added != wantAdded || unknown != wantUnknown {
				t.Errorf("added %d, unknown %d; want %d, %d", added, unknown, wantAdded, wantUnknown)
			}
			return err
		})
	}
	remove := func(wantRemoved int, wantLost []PersonID, allBut bool, users ...string) {
		t.Helper()
		change(func(ctx context.Context, tx Tx) error {
			removed, lost, err := tx.RemoveSCIMMembers(ctx, g, users, allBut, by)
			if diff := cmp.Diff(wantLost, lost); removed != wantRemoved || diff != "" {
				t.Errorf("removed %d, want %d; lost (-want +got):\n%s", removed, wantRemoved, diff)
			}
			return err
		})
	}
	add(2, 0, a1.Resource, a2.Resource, a1.Resource)
	add(1, 2, b.Resource, "26118915-6090-4610-87e4-49d8ca9f808d", "no id")
	add(0, 0, b.Resource)
	if got := h.groupOf(t, g.Source); len(got) != 2 {
		t.Errorf("in the group: %v", got)
	}
	remove(1, []PersonID{}, false, a1.Resource, "no id")
	remove(0, []PersonID{}, false, a1.Resource)
	remove(1, []PersonID{alice.PersonID}, false, a2.Resource)
	add(2, 0, a1.Resource, a2.Resource)
	remove(2, []PersonID{alice.PersonID}, true, b.Resource)
	remove(1, []PersonID{bob.PersonID}, true)
	if got := h.groupOf(t, g.Source); len(got) != 0 {
		t.Errorf("in the group: %v", got)
	}
	if n := h.count(t, `SELECT count(*) FROM audit_event WHERE subject = 'group' AND subject_id = $1 AND actor_id = $2`, g.ID, bob.PersonID); n != 10 {
		t.Errorf("%d events, want one for each change of one member", n)
	}
	add(2, 0, a1.Resource, b.Resource)
	h.in(t, func(ctx context.Context, tx Tx) error {
		u, err := tx.LockSCIMUser(ctx, a1.Resource, true)
		if err != nil {
			return err
		}
		lost, err := tx.DeleteSCIMUser(ctx, u, by)
		if !lost {
			t.Error("the person of a deleted user is in the group")
		}
		return err
	})
	h.in(t, func(ctx context.Context, tx Tx) error {
		from := g.Source
		g.DisplayName, g.Source = "defence", "scim:defence"
		lost, err := tx.UpdateSCIMGroup(ctx, &g, from)
		if diff := cmp.Diff([]PersonID{bob.PersonID}, lost); diff != "" {
			t.Errorf("who lost the old name (-want +got):\n%s", diff)
		}
		return err
	})
	if got := h.groupOf(t, "scim:defence"); len(got) != 1 || h.count(t, `SELECT count(*) FROM group_source WHERE source = 'scim:security'`) != 0 {
		t.Errorf("after the rename: %v", got)
	}
}

func TestIsCollision(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&pgconn.PgError{Code: "40P01"}:                                           true,
		&pgconn.PgError{Code: "40001"}:                                           true,
		&pgconn.PgError{Code: "23505", ConstraintName: "person_email"}:           true,
		&pgconn.PgError{Code: "23505", ConstraintName: "person_external_id_key"}: true,
		&pgconn.PgError{Code: "23505", ConstraintName: "scim_user_name"}:         false,
		&pgconn.PgError{Code: "42601"}:                                           false,
		errors.New("other"):                                                      false,
	} {
		if got := IsCollision(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
}

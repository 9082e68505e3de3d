package workflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// Who may see what, and the link to a key is its owner's alone.
func TestWhoMayLook(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	waiting := h.submit(t, "alice", big())
	for who, tt := range map[string]struct{ key, request, list, home string }{
		"alice":    {"", "", RuleAdminOnly, ""},
		"alice2":   {"", "", RuleAdminOnly, ""},
		"erin":     {"", "", "", ""},
		"dana":     {RuleAdminOnly, "", RuleAdminOnly, ""}, // of security, which is asked
		"frank":    {RuleAdminOnly, RuleAdminOnly, RuleAdminOnly, ""},
		"olga":     {RuleOutsider, RuleOutsider, RuleOutsider, RuleOutsider},
		"guest":    {RuleGuest, RuleGuest, RuleGuest, RuleGuest},
		"robot":    {RuleBot, RuleBot, RuleBot, RuleBot},
		"stranger": {RuleUnlinked, RuleUnlinked, RuleUnlinked, RuleUnlinked},
	} {
		v, err := h.Show(t.Context(), h.people[who], c.ID)
		sees(t, who+" looks at a key", err, tt.key)
		if owner := strings.HasPrefix(who, "alice"); err == nil && (v.RevealURL != "") != owner {
			t.Errorf("%s sees the link %q", who, v.RevealURL)
		}
		if err != nil && v.Credential.ID != 0 {
			t.Errorf("%s is refused and sees %+v", who, v.Credential)
		}
		_, err = h.ShowRequest(t.Context(), h.people[who], waiting.ID)
		sees(t, who+" looks at a request", err, tt.request)
		_, err = h.Why(t.Context(), h.people[who], waiting.ID, 0)
		sees(t, who+" asks why", err, tt.request)
		_, err = h.List(t.Context(), h.people[who], Listing{})
		sees(t, who+" lists all", err, tt.list)
		_, err = h.Home(t.Context(), h.people[who])
		sees(t, who+" goes home", err, tt.home)
	}
	_, err := h.Show(t.Context(), h.people["erin"], 999)
	refused(t, "a key that is not there", err, RuleUnknown)
	_, err = h.ShowRequest(t.Context(), h.people["erin"], 999)
	refused(t, "a request that is not there", err, RuleUnknown)
	if all, err := h.List(t.Context(), h.people["erin"], Listing{}); err != nil || len(all) != 1 || all[0].RevealURL != "" {
		t.Errorf("an admin's list: %+v, %v", all, err)
	}
	if mine, err := h.List(t.Context(), h.people["alice"], Listing{Owner: h.person("alice"), Connection: "tempo"}); err != nil || len(mine) != 0 {
		t.Errorf("of another system: %+v, %v", mine, err)
	}
}

func sees(t *testing.T, what string, err error, rule string) {
	t.Helper()
	if rule == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	refused(t, what, err, rule)
}

func TestHomeShowsWhatIsMine(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	first, second := h.submit(t, "alice", write()), h.submit(t, "erin", big())
	home := func(who string) HomeView {
		v, err := h.Home(t.Context(), h.people[who])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	ids := func(all []RequestView) (out []storage.RequestID) {
		for _, v := range all {
			out = append(out, v.Request.ID)
		}
		return out
	}
	alice := home("alice")
	if alice.Admin || len(alice.Waiting) != 0 || len(alice.Keys) != 1 || alice.Keys[0].Credential.ID != c.ID || alice.Keys[0].RevealURL == "" {
		t.Errorf("alice: %+v", alice)
	}
	if diff := cmp.Diff([]storage.RequestID{first.ID, c.RequestID}, ids(alice.Requests)); diff != "" {
		t.Errorf("alice's requests (-want +got):\n%s", diff)
	}
	if v := alice.Requests[0]; len(v.Holds) != 1 || v.Holds[0].Credential.ID != c.ID || v.Holds[0].RevealURL != "" {
		t.Errorf("what she holds already: %+v", v.Holds)
	}
	bob := home("bob")
	if diff := cmp.Diff([]storage.RequestID{first.ID, second.ID}, ids(bob.Waiting)); diff != "" || !bob.Admin {
		t.Errorf("bob is asked, oldest first (-want +got):\n%s", diff)
	}
	h.mustVote(t, "bob", second.ID, Vote{Decision: storage.Approve})
	if diff := cmp.Diff([]storage.RequestID{first.ID}, ids(home("bob").Waiting)); diff != "" {
		t.Errorf("bob after his vote (-want +got):\n%s", diff)
	}
	if dana := home("dana"); len(dana.Waiting) != 0 {
		t.Errorf("dana is asked before her turn: %v", ids(dana.Waiting))
	}
	h.mustVote(t, "carol", second.ID, Vote{Decision: storage.Approve})
	if diff := cmp.Diff([]storage.RequestID{second.ID}, ids(home("dana").Waiting)); diff != "" {
		t.Errorf("dana in her turn (-want +got):\n%s", diff)
	}
}

func TestOffer(t *testing.T) {
	t.Parallel()
	h := open(t)
	for who, tt := range map[string]struct {
		connection string
		scopes     string
		read       string
		write      string
		ceiling    Duration
	}{
		"frank": {"acme", "files:read files:write people:read", "files:read people:read", "files:read files:write", 90 * day},
		"dana":  {"tempo", "files:read files:write people:read", "files:read people:read", "files:read files:write", 90 * day},
		"erin":  {"acme", "files:read files:write people:read people:admin", "files:read people:read", "files:read files:write people:read", 90 * day},
	} {
		got, err := h.Offer(t.Context(), h.people[who], tt.connection)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range got.Scopes {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != tt.scopes || strings.Join(got.Read.Scopes, " ") != tt.read || strings.Join(got.Write.Scopes, " ") != tt.write || got.Ceiling != tt.ceiling {
			t.Errorf("%s on %s: %v, %+v", who, tt.connection, names, got)
		}
	}
	_, err := h.Offer(t.Context(), h.people["guest"], "acme")
	refused(t, "a guest", err, RuleGuest)
	var systems []string
	for _, s := range h.Systems() {
		systems = append(systems, s.Name)
	}
	if diff := cmp.Diff([]string{"acme", "tempo"}, systems); diff != "" {
		t.Errorf("systems (-want +got):\n%s", diff)
	}
}

func TestWhyTellsTheStory(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", big())
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	h.setGroup(t, "slack:S0IT", "carol", "erin")
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.mustVote(t, "dana", r.ID, Vote{Decision: storage.Deny, Reason: "use the sandbox"})
	why, err := h.Why(t.Context(), h.people["alice"], r.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	var story []string
	for _, b := range why {
		says := b.Says
		if b.Reason != "" {
			says += " (" + b.Reason + ")"
		}
		story = append(story, strings.ReplaceAll(says, r.ID.String(), "RQ-1"))
	}
	golden(t, "why.txt", strings.Join(story, "\n")+"\n")
	c := h.active(t, "alice")
	if why, err := h.Why(t.Context(), h.people["alice"], 0, c.ID); err != nil || len(why) < 5 || !strings.Contains(why[0].Says, c.RequestID.String()) {
		t.Errorf("of a key: %+v, %v", why, err)
	}
	_, err = h.Why(t.Context(), h.people["frank"], 0, c.ID)
	refused(t, "of somebody else's key", err, RuleAdminOnly)
}

package workflow

import (
	"slices"
	"testing"

	"latchkey/storage"
)

// Admins read the whole log; everybody else what they did and what happened to
// what is theirs; outsiders nothing.
func TestWhoReadsTheAuditLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	alices, franks := h.active(t, "alice"), h.active(t, "frank")
	read := func(who string, f storage.AuditFilter) (keys []storage.CredentialID, all bool, err error) {
		lines, all, err := h.LookAtAudit(t.Context(), h.people[who], f)
		for _, l := range lines {
			if id := storage.CredentialID(l.SubjectID); l.Subject == storage.SubjectCredential && !slices.Contains(keys, id) {
				keys = append(keys, id)
			}
		}
		slices.Sort(keys)
		return keys, all, err
	}
	for who, want := range map[string][]storage.CredentialID{"erin": {alices.ID, franks.ID}, "alice": {alices.ID}, "alice2": {alices.ID}, "frank": {franks.ID}} {
		keys, all, err := read(who, storage.AuditFilter{})
		if err != nil || !slices.Equal(keys, want) || all != (who == "erin") {
			t.Errorf("%s reads of %v, everything %t, %v", who, keys, all, err)
		}
	}
	others := storage.AuditFilter{Subject: storage.SubjectCredential, SubjectID: int64(franks.ID)}
	if keys, _, err := read("alice", others); err != nil || len(keys) != 0 {
		t.Errorf("of a key of Frank's Alice reads %v, %v", keys, err)
	}
	for who, rule := range map[string]string{"alice": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest, "robot": RuleBot, "stranger": RuleUnlinked} {
		_, _, err := read(who, storage.AuditFilter{Person: h.person("frank")})
		refused(t, who+" reads what Frank did", err, rule)
	}
	if _, err := h.OffboardPerson(t.Context(), h.people["erin"], h.person("frank"), "left", "click"); err != nil {
		t.Fatal(err)
	}
	lines, _, err := h.LookAtAudit(t.Context(), h.people["erin"], storage.AuditFilter{Action: "person.left"})
	if err != nil || len(lines) != 1 || lines[0].About.ID != h.person("frank") || lines[0].About.Name == "" {
		t.Errorf("who left: %+v, %v", lines, err)
	}
}

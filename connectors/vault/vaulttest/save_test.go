package vaulttest

import (
	"testing"
	"time"
)

// A restored vault has what the saved one had, and goes on counting versions.
func TestSaveAndRestore(t *testing.T) {
	t.Parallel()
	a := New(Config{})
	token := a.AddToken(Token{TTL: time.Hour, Policy: map[string][]string{"secret/data/*": {read}}})
	a.Put("secret", "payroll/tempo", map[string]any{"value": "one", "latchkey_label": "x"})
	a.Put("secret", "payroll/tempo", map[string]any{"value": "two", "latchkey_label": "y"})
	a.Put("secret", "old", map[string]any{"value": "gone"})
	a.Delete("secret", "old")
	raw, err := a.Save()
	if err != nil {
		t.Fatal(err)
	}
	b := New(Config{Mount: "other"})
	if err := b.Restore(raw); err != nil {
		t.Fatal(err)
	}
	if data, number := b.Data("secret", "payroll/tempo"); number != 2 || data["value"] != "two" {
		t.Errorf("version %d: %v", number, data)
	}
	if data, number := b.Data("secret", "old"); number != 1 || data != nil {
		t.Errorf("what was deleted: version %d, %v", number, data)
	}
	if b.TokenLeft(token) <= 0 {
		t.Error("the token is gone")
	}
	all := b.Holdings()
	if len(all) != 1 || all[0].ID != "secret/payroll/tempo" || all[0].Owner != "Latchkey" || all[0].Secret.Expose() != "two" {
		t.Errorf("holdings: %+v", all)
	}
	for _, bad := range []string{"", "{}", `{"format":"vault-double","version":2}`, `{"format":"vault-double","version":1,"more":1}`} {
		if err := b.Restore([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if len(b.Holdings()) != 1 {
		t.Error("a failed restore changed it")
	}
}

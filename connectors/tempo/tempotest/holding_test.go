package tempotest_test

import (
	"testing"

	"latchkey/connectors/tempo/tempotest"
)

func TestHoldingsAreTheLivingGrants(t *testing.T) {
	t.Parallel()
	w := connect(t)
	pair := w.exchange(w.config("worklogs:view"), tempotest.Bob)
	all := w.Holdings()
	if len(all) != 1 || all[0].Owner != "Bob Baker" || all[0].Label != "Latchkey & Co" || !all[0].Works || all[0].Secret.Expose() != pair.AccessToken {
		t.Fatalf("got %+v", all)
	}
	if !w.Remove(all[0].ID) || w.Remove(all[0].ID) {
		t.Error("it is not removed once")
	}
	if len(w.Holdings()) != 0 || w.GrantAlive(tempotest.Bob) {
		t.Error("it is still there")
	}
}

package timepiecetest_test

import (
	"testing"
	"time"

	"latchkey/connectors/timepiece/timepiecetest"
)

func TestHoldingsAreWhatThePageShows(t *testing.T) {
	t.Parallel()
	d := timepiecetest.New(timepiecetest.Config{})
	works := d.Make(timepiecetest.Alice, "reports", time.Now().Add(time.Hour))
	off := d.Make(timepiecetest.Bob, "old", time.Now().Add(time.Hour))
	d.Deactivate(off)
	for _, h := range d.Holdings() {
		if want := h.Secret.Expose() == works.Expose(); h.Works != want || h.Works != d.Works(h.Secret) {
			t.Errorf("%s works: %v, want %v", h.Label, h.Works, want)
		}
		if !d.Remove(h.ID) || d.Remove(h.ID) {
			t.Errorf("%s is not removed once", h.Label)
		}
	}
	if left := d.Holdings(); len(left) != 0 || d.Works(works) {
		t.Errorf("left: %v", left)
	}
}

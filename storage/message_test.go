package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOneReplicaPostsAMessage(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	const replicas = 8
	type claim struct {
		m           Message
		mine, again bool
		err         error
	}
	claims := make(chan claim, replicas)
	for range replicas {
		go func() {
			c := claim{m: Message{Subject: SubjectRequest, SubjectID: 7, Purpose: "card", Recipient: "C1"}}
			c.mine, c.again, c.err = h.ClaimMessage(context.Background(), &c.m, time.Hour)
			claims <- c
		}()
	}
	mine := 0
	for range replicas {
		c := <-claims
		if c.err != nil || c.m.ID == 0 || c.m.TS != "" || c.mine == c.again {
			t.Errorf("claim: %+v", c)
		}
		if c.mine {
			mine++
		}
	}
	if mine != 1 {
		t.Errorf("%d replicas may post", mine)
	}
}

func TestAClaimEndsByItselfOrByRelease(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	m := Message{Subject: SubjectRequest, SubjectID: 7, Purpose: "card", Recipient: "C1"}
	claim := func(step string, wantMine, wantAgain bool) {
		t.Helper()
		mine, again, err := h.ClaimMessage(t.Context(), &m, time.Hour)
		if err != nil || mine != wantMine || again != wantAgain {
			t.Errorf("%s: mine %v, again %v, %v", step, mine, again, err)
		}
	}
	claim("first", true, false)
	claim("while it is held", false, true)
	h.exec(t, `UPDATE message SET claimed_until = clock_timestamp()`)
	claim("after a crash: look before posting", true, true)
	if err := h.ReleaseMessage(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	claim("after Slack refused", true, true)
	m.Channel, m.TS, m.Digest = "C1", "1.2", "d1"
	if err := h.SaveMessage(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Channel, m.TS, m.Digest = "", "", ""
	claim("once posted", false, false)
	want := Message{ID: m.ID, Subject: SubjectRequest, SubjectID: 7, Purpose: "card", Recipient: "C1", Channel: "C1", TS: "1.2", Digest: "d1"}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}
	if err := h.ReleaseMessage(t.Context(), m.ID); err != nil { // a late release changes nothing
		t.Fatal(err)
	}
	claim("posted, released late", false, false)
}

func TestMessagesListsWhatWasPosted(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for _, to := range []string{"C1", "C2", "C3"} {
		m := Message{Subject: SubjectRequest, SubjectID: 7, Purpose: "card", Recipient: to}
		if _, _, err := h.ClaimMessage(t.Context(), &m, time.Hour); err != nil {
			t.Fatal(err)
		}
		if to == "C2" {
			continue // never posted
		}
		m.Channel, m.TS = to, "1."+to
		if err := h.SaveMessage(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Messages(t.Context(), SubjectRequest, 7, "card")
	if err != nil || len(got) != 2 || got[0].TS != "1.C1" || got[1].TS != "1.C3" {
		t.Errorf("messages: %+v, %v", got, err)
	}
	for _, other := range []func() ([]Message, error){
		func() ([]Message, error) { return h.Messages(t.Context(), SubjectRequest, 8, "card") },
		func() ([]Message, error) { return h.Messages(t.Context(), SubjectCredential, 7, "card") },
		func() ([]Message, error) { return h.Messages(t.Context(), SubjectRequest, 7, "status") },
	} {
		if got, err := other(); err != nil || len(got) != 0 {
			t.Errorf("of another: %+v, %v", got, err)
		}
	}
}

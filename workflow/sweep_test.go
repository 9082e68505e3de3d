package workflow

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/storage"
)

// One key that nothing can be done about does not hold up the others, and is
// tried again.
func TestASweepGoesOnWhenOneKeyFails(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := ofTempo("files:read", 30*day)
	var ids []storage.CredentialID // that nobody collects
	for range 3 {
		r := h.submit(t, "alice", ask)
		_ = h.work(t)
		ids = append(ids, h.keyOf(t, r.ID).ID)
	}
	h.exec(t, `CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'it is stuck'; END$$`)
	h.exec(t, `CREATE TRIGGER stuck BEFORE UPDATE ON credential FOR EACH ROW WHEN (OLD.id = `+fmt.Sprint(int64(ids[1]))+` AND NEW.state = 'revoking') EXECUTE FUNCTION stuck()`)
	h.sweepAt(t, ticketUnopened+time.Minute)
	now, _ := h.DB.Now(t.Context())
	for i, id := range ids {
		c := h.credential(t, id)
		if stuck := i == 1; (c.State == storage.CredentialActive) != stuck || stuck && !about(c.NextActionAt, now.Add(h.LeaseFor)) {
			t.Errorf("%s is %s, looked at again at %s", id, c.State, c.NextActionAt)
		}
	}
	if !strings.Contains(h.logs.String(), "it is stuck") || !strings.Contains(h.logs.String(), ids[1].String()) {
		t.Errorf("the log says %s", h.logs)
	}
	h.exec(t, `DROP TRIGGER stuck ON credential`)
	h.sweepAt(t, ticketUnopened+3*time.Minute)
	h.settle(t)
	if c := h.credential(t, ids[1]); c.State != storage.CredentialRevoked {
		t.Errorf("at last it is %s", c.State)
	}
	h.check(t)
}

// Sweeps at the same time, on several replicas, do each thing once.
func TestSweepsAtTheSameTime(t *testing.T) {
	t.Parallel()
	d := idle()
	h := openWith(t, d, nil)
	for range 12 {
		h.held(t, "alice", ofTempo("files:read", 90*day))
		h.held(t, "bob", ofTempo("files:read", 20*day))
	}
	h.exec(t, `UPDATE credential SET expires_at = latchkey_now() + interval '20 days' WHERE owner_id = $1`, h.person("bob"))
	replicas := []*Service{h.Service, h.service(t, d, nil), h.service(t, d, nil)}
	h.clock(t, 31*oneDay) // alice's are unused, and bob's are over
	var all sync.WaitGroup
	for _, s := range replicas {
		for range 2 {
			all.Go(func() {
				for range 3 {
					if err := s.Sweep(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	h.sweepAt(t, 31*oneDay)
	for who, kind := range map[string]string{"alice": storage.NoticeStale, "bob": storage.NoticeExpired} {
		mail := h.mail(t, who)
		if len(mail) != 1 || len(mail[0].Notices) != 12 {
			t.Errorf("%s was told %+v", who, mail)
			continue
		}
		for _, n := range mail[0].Notices {
			action := map[string]string{storage.NoticeStale: "credential.warned", storage.NoticeExpired: "credential.expired"}[kind]
			if n.Kind != kind || count(h.events(t, n.CredentialID), action) != 1 {
				t.Errorf("%+v: %d audit rows", n, count(h.events(t, n.CredentialID), action))
			}
		}
	}
	h.settle(t)
	h.check(t)
}

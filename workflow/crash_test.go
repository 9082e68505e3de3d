package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
)

// crashVariable tells a copy of this test binary to be a worker that dies.
const crashVariable = "LATCHKEY_TEST_CRASH"

// doomed is what such a worker does, and where it ends.
type doomed struct {
	DSN    string
	Vendor string // its base URL
	Token  string
	ID     storage.CredentialID
	Verb   string // "issue", "revoke", "sync", "batch", "sweep", "evidence" or "run", which does all there is to do until a case is closed
	Point  string // the fault point it dies at, or "#3" for the third one it comes to
}

func TestMain(m *testing.M) {
	if job := os.Getenv(crashVariable); job != "" {
		if err := die(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// die does a job until its point, where the process is killed as by kill -9.
func die(text string) error {
	var d doomed
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := storage.Open(ctx, storage.Config{DSN: d.DSN, MaxConns: 4, Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	keys, err := db.OpenKeyring(ctx, testKeeper())
	if err != nil {
		return err
	}
	acme := connectors.Settings{Name: "acme", Kind: "fake", BaseURL: d.Vendor, AllowPrivate: true, Token: secret.New(d.Token)}
	all, err := connectTo(acme)
	if err != nil {
		return err
	}
	all["hr"] = hrSource{}
	var points atomic.Int64
	s, err := New(ctx, Deps{DB: db, Keys: keys, Document: houseDocument(), Connectors: all, Logger: zerolog.Nop(), SweepEach: 50 * time.Millisecond,
		Fault: func(point string) {
			if n := points.Add(1); point == d.Point || fmt.Sprint("#", n) == d.Point {
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			}
		}})
	if err != nil {
		return err
	}
	switch d.Verb {
	case "revoke":
		return s.FinishRevoke(ctx, d.ID)
	case "sync":
		return s.SyncDue(ctx)
	case "batch":
		return s.RunBatch(ctx, storage.BatchID(d.ID))
	case "sweep":
		return s.Sweep(ctx)
	case "evidence":
		return s.WriteEvidence(ctx, storage.CampaignID(d.ID))
	case "run":
		return runCase(ctx, s, storage.PersonID(d.ID))
	}
	return s.Issue(ctx, d.ID)
}

// crash runs a worker that dies at a point, and fails unless it did.
func (h *house) crash(t testing.TB, verb string, id storage.CredentialID, point string) {
	t.Helper()
	job, err := json.Marshal(doomed{DSN: h.dsn, Vendor: h.url, Token: h.vendor.Token().Expose(), ID: id, Verb: verb, Point: point})
	if err != nil {
		t.Fatal(err)
	}
	worker := exec.CommandContext(t.Context(), os.Args[0])
	worker.Env = append(os.Environ(), crashVariable+"="+string(job))
	out, err := worker.CombinedOutput()
	status, ok := worker.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the worker did not die at %s: %v\n%s", point, err, out)
	}
}

// A18: a worker is killed at every point of the outbox, any number of times.
// Whoever takes its work up finishes it: one key, no orphan, an unbroken story.
func TestAKilledIssueIsFinished(t *testing.T) {
	t.Parallel()
	for _, deaths := range [][]string{
		{"issue:leased"}, {"issue:answered"}, {"issue:stored"},
		{"issue:answered", "issue:answered"}, {"issue:leased", "issue:answered", "issue:leased", "issue:stored"},
	} {
		t.Run(strings.Join(deaths, " "), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			r, c := h.approved(t, "alice")
			for i, point := range deaths {
				h.crash(t, "issue", c.ID, point)
				h.leaseEnds(t)
				got := h.keyOf(t, r.ID)
				if done := point == "issue:stored"; done != (got.State == storage.CredentialActive) || !done && got.Attempts != i+1 {
					t.Errorf("after a death at %s: %s, attempt %d", point, got.State, got.Attempts)
				}
			}
			h.settle(t)
			if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive {
				t.Errorf("%s is %s", got.ID, got.State)
			}
			key, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), "")
			if err != nil || !h.vendor.Works(key) {
				t.Errorf("the key that is collected does not work: %v", err)
			}
			h.check(t)
		})
	}
}

func TestAKilledRevokeIsFinished(t *testing.T) {
	t.Parallel()
	for _, deaths := range [][]string{
		{"revoke:leased"}, {"revoke:answered"}, {"revoke:stored"}, {"revoke:answered", "revoke:leased", "revoke:stored"},
	} {
		t.Run(strings.Join(deaths, " "), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.active(t, "alice")
			if _, err := h.Revoke(t.Context(), h.people["erin"], c.ID, "leaked"); err != nil {
				t.Fatal(err)
			}
			for _, point := range deaths {
				h.crash(t, "revoke", c.ID, point)
				h.leaseEnds(t)
				if got := h.credential(t, c.ID); (got.State == storage.CredentialRevoked) != (point == "revoke:stored") {
					t.Errorf("after a death at %s: %s", point, got.State)
				}
			}
			h.settle(t)
			if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked || got.StateReason != "leaked" {
				t.Errorf("%s, %q", got.State, got.StateReason)
			}
			h.check(t)
		})
	}
}

// A worker dies with the vendor's answer in its hands, and the request is
// given up before anybody else takes it up.
func TestAKilledIssueIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"issue:leased", "issue:answered"} {
		for _, fault := range []fake.Fault{"", fake.ServerError, fake.Lying} {
			t.Run(point+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				h := open(t)
				r, c := h.approved(t, "alice")
				h.crash(t, "issue", c.ID, point)
				if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
					t.Fatal(err)
				}
				if fault != "" {
					h.vendor.Inject(fake.VerbRevoke, fault, 2)
				}
				if point == "issue:answered" {
					h.leaseEnds(t)
					h.crash(t, "revoke", c.ID, "revoke:leased")
				}
				h.settle(t)
				if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked {
					t.Errorf("%s", got.State)
				}
				if n := len(h.vendor.Keys()); n != strings.Count(point, "answered") {
					t.Errorf("the vendor made %d keys", n)
				}
				h.check(t)
			})
		}
	}
}

// What a brokered system's dead worker made is nowhere: the next one makes
// another key.
func TestAKilledIssueOfABrokeredKey(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"issue:leased", "issue:answered", "issue:stored"} {
		h := open(t)
		r := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "r"})
		h.crash(t, "issue", h.keyOf(t, r.ID).ID, point)
		h.settle(t)
		c := h.keyOf(t, r.ID)
		key, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), "")
		if err != nil || secret.CheckKey(key.Expose()) != nil || c.State != storage.CredentialActive {
			t.Errorf("after a death at %s: %s, %v", point, c.State, err)
		}
		h.check(t)
	}
}

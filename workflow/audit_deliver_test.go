package workflow

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
)

// siem receives the live log as badly as its script says.
type siem struct {
	*httptest.Server
	mu      sync.Mutex
	script  []int // status of the next answers; 0 takes it and answers too late, -1 breaks the line
	limit   int   // bytes it takes at once; 0: any
	taken   []string
	posts   []parcelSeen
	release chan struct{}
}

type parcelSeen struct {
	id, signature string
	body          []byte
}

func newSIEM(t *testing.T, script ...int) *siem {
	t.Helper()
	s := &siem{script: script, release: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(s.release) })
	return s
}

// ServeHTTP implements http.Handler.
func (s *siem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	status := http.StatusNoContent
	if len(s.script) > 0 {
		status, s.script = s.script[0], s.script[1:]
	}
	if s.limit > 0 && len(body) > s.limit {
		status = http.StatusRequestEntityTooLarge
	}
	s.posts = append(s.posts, parcelSeen{r.Header.Get("Idempotency-Key"), r.Header.Get("Latchkey-Signature"), body})
	if status/100 == 2 || status == 0 {
		s.taken = append(s.taken, string(body))
	}
	s.mu.Unlock()
	switch status {
	case 0:
		select {
		case <-s.release:
		case <-r.Context().Done():
		}
	case -1:
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(status)
		if status == http.StatusRequestEntityTooLarge {
			_, _ = io.WriteString(w, "too\x00much")
		}
	}
}

// positions are those of everything that was taken, in the order it came.
func (s *siem) positions(t *testing.T) []int64 {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []int64
	for line := range strings.Lines(strings.Join(s.taken, "")) {
		var e struct{ Position int64 }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Position)
	}
	return out
}

// sequenced records n events and gives all there are their place.
func (h *house) sequenced(t *testing.T, n int) storage.AuditSigner {
	t.Helper()
	for range n {
		h.in(t, func(ctx context.Context, tx storage.Tx) error {
			return tx.Record(ctx, storage.System("test"), storage.Event{Action: "audit.tried", Subject: storage.SubjectAudit, Reason: "because"})
		})
	}
	signer, err := h.AuditSigner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := sequence(t.Context(), storage.NewSequencer(h.DB), signer); err != nil {
		t.Fatal(err)
	}
	return signer
}

var (
	newSecret = secret.New("the-new-secret-of-the-siem")
	oldSecret = secret.New("the-old-secret-of-the-siem")
)

func (h *house) deliveries(t *testing.T, signer storage.AuditSigner, s *siem) (*Deliveries, *receiver) {
	t.Helper()
	d := h.NewDeliveries(signer.Public, []AuditWebhook{{Name: "siem", URL: s.URL, Secrets: []secret.Value{newSecret, oldSecret}, AllowPrivate: true}}, AuditWebhook{})
	return d, d.webhooks[0]
}

// deliverNow has the next try be now, and the lease of whoever died end.
func (h *house) deliverNow(t *testing.T) {
	t.Helper()
	h.exec(t, `UPDATE audit_delivery SET next_at = clock_timestamp(), lease_until = clock_timestamp()`)
}

// A receiver that refuses, breaks off, answers late and forgets gets everything
// all the same, in order, each batch as it was, and nothing twice but what it
// did not confirm.
func TestAuditIsDeliveredInOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := newSIEM(t, 503, 204, -1, 0, 429)
	var signer storage.AuditSigner
	tries := 0
	for range 3 { // of these the first two meet the script
		signer = h.sequenced(t, 3)
		d, w := h.deliveries(t, signer, s) // a replica that just started
		w.within = time.Second
		for {
			h.deliverNow(t)
			more, err := d.next(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			tries++
			latest, err := h.DB.LatestCheckpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			state, err := h.DB.Delivery(t.Context(), "siem")
			if err != nil {
				t.Fatal(err)
			}
			if more && state.Position == latest.Size {
				break
			}
			if !more && (state.Problem == "" || state.Attempts == 0 || state.Past <= state.Position) {
				t.Errorf("after try %d that failed: %+v", tries, state)
			}
		}
	}
	got := s.positions(t)
	whole := slices.Compact(slices.Clone(got))
	slices.Sort(whole)
	if whole = slices.Compact(whole); len(whole) == 0 || whole[0] != 0 || whole[len(whole)-1] != int64(len(whole)-1) {
		t.Errorf("positions %v", got)
	}
	for i, p := range got {
		if i > 0 && p > slices.Max(got[:i])+1 {
			t.Errorf("position %d came before the one in front of it: %v", p, got)
		}
	}
	s.same(t)
	s.verifiable(t)

	// It lost everything; an operator has it sent again.
	s.mu.Lock()
	s.taken = nil
	s.mu.Unlock()
	if err := h.DeliverFrom(t.Context(), "siem", 1, "erin"); err != nil {
		t.Fatal(err)
	}
	d, w := h.deliveries(t, signer, s)
	if more, err := d.next(t.Context(), w); !more || err != nil {
		t.Fatal(more, err)
	}
	if got := s.positions(t); len(got) != len(whole)-1 || got[0] != 1 {
		t.Errorf("again from position 1: %v", got)
	}
	if err := h.DeliverFrom(t.Context(), "siem", 10_000, "erin"); err == nil {
		t.Error("it is sent from beyond the log")
	}
}

// A receiver that takes little at once gets little at once, down to one event,
// and what is long for us is sent in parts without asking.
func TestAuditIsDeliveredInParts(t *testing.T) {
	t.Parallel()
	h := open(t)
	const tooMuch = 4000
	s := newSIEM(t)
	s.limit = tooMuch
	signer := h.sequenced(t, 40)
	latest, err := h.DB.LatestCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, w := h.deliveries(t, signer, s)
	deliver := func() {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = d.next(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
		if state, err := h.DB.Delivery(t.Context(), "siem"); err != nil || state.Position != latest.Size || state.Problem != "" {
			t.Fatalf("%+v, %v", state, err)
		}
		var want []int64
		for i := range latest.Size {
			want = append(want, i)
		}
		if got := s.positions(t); !slices.Equal(got, want) {
			t.Errorf("positions %v", got)
		}
	}
	deliver()
	if len(s.taken) < 3 || len(s.taken) > int(latest.Size)/2 {
		t.Errorf("it came in %d parts", len(s.taken))
	}

	s.posts, s.taken = nil, nil
	w.most = tooMuch
	if err := h.DeliverFrom(t.Context(), "siem", 0, "erin"); err != nil {
		t.Fatal(err)
	}
	deliver()
	if len(s.posts) != len(s.taken) {
		t.Errorf("%d of %d posts were not taken", len(s.posts)-len(s.taken), len(s.posts))
	}

	// One event that is too long by itself is not left out.
	s.limit, s.posts, s.taken = 10, nil, nil
	if err := h.DeliverFrom(t.Context(), "siem", 0, "erin"); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		if more, err = d.next(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	state, err := h.DB.Delivery(t.Context(), "siem")
	if err != nil || state.Position != 0 || state.Past != 1 || !strings.Contains(state.Problem, "413") || strings.Contains(state.Problem, "\x00") {
		t.Errorf("%+v, %v", state, err)
	}
}

// same wants posts under one key to be the same.
func (s *siem) same(t *testing.T) {
	t.Helper()
	bodies := map[string]string{}
	for _, p := range s.posts {
		if before, ok := bodies[p.id]; ok && before != string(p.body) {
			t.Errorf("%s was posted with two contents", p.id)
		}
		bodies[p.id] = string(p.body)
	}
	if len(bodies) == len(s.posts) {
		t.Error("nothing was posted twice")
	}
}

// verifiable wants each post to be signed under either secret, as the README's
// few lines of Python check it.
func (s *siem) verifiable(t *testing.T) {
	t.Helper()
	for _, p := range s.posts {
		stamp, signatures, _ := strings.Cut(strings.TrimPrefix(p.signature, "t="), ",")
		for _, key := range []secret.Value{newSecret, oldSecret} {
			mac := hmac.New(sha256.New, []byte(key.Expose()))
			mac.Write([]byte(stamp + "." + string(p.body)))
			if !strings.Contains(signatures, "v1="+hex.EncodeToString(mac.Sum(nil))) {
				t.Errorf("%s is not signed under both secrets: %s", p.id, p.signature)
			}
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has no python3, in which the README checks a post")
		}
		t.Log("the README's Python was not tried: there is no python3 here")
		return
	}
	p := s.posts[len(s.posts)-1]
	for key, want := range map[string]bool{newSecret.Expose(): true, oldSecret.Expose(): true, "another-secret-altogether": false} {
		run := exec.CommandContext(t.Context(), python, "testdata/audit_webhook.py", p.signature)
		run.Stdin, run.Env = bytes.NewReader(p.body), append(os.Environ(), "LATCHKEY_SECRET="+key)
		out, err := run.CombinedOutput()
		if (err == nil) != want {
			t.Errorf("under %s: %v, %s", key, err, out)
		}
	}
}

// Of replicas that run together one sends, and one that was stopped in the
// middle moves nothing once another has taken over.
func TestAuditIsDeliveredByOneReplica(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := newSIEM(t)
	signer := h.sequenced(t, 2)
	latest, err := h.DB.LatestCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := h.DB.ClaimDelivery(t.Context(), "siem", latest.Size, 1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	d, w := h.deliveries(t, signer, s)
	if more, err := d.next(t.Context(), w); more || err != nil || len(s.posts) > 0 {
		t.Errorf("while another replica sends: %t, %v, %d posts", more, err, len(s.posts))
	}
	h.deliverNow(t) // the lease ends
	if more, err := d.next(t.Context(), w); !more || err != nil || len(s.posts) != 1 {
		t.Errorf("when that one died: %t, %v, %d posts", more, err, len(s.posts))
	}
	if err := h.DB.Delivered(t.Context(), stopped, 0); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("it came back and moved the position: %v", err)
	}
	if state, err := h.DB.Delivery(t.Context(), "siem"); err != nil || state.Position != 1 {
		t.Errorf("%+v, %v", state, err)
	}
}

// A receiver on a private network has to be allowed, and one that redirects is
// not followed.
func TestAuditIsDeliveredWhereItMayBe(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := newSIEM(t, http.StatusTemporaryRedirect)
	signer := h.sequenced(t, 1)
	d, w := h.deliveries(t, signer, s)
	hidden := newReceiver(AuditWebhook{Name: "siem", URL: s.URL, Secrets: w.Secrets})
	for what, to := range map[string]*receiver{"a private address": hidden, "a redirect": w} {
		h.exec(t, `DELETE FROM audit_delivery`)
		if more, err := d.next(t.Context(), to); more || err != nil {
			t.Errorf("%s: %t, %v", what, more, err)
		}
		state, err := h.DB.Delivery(t.Context(), "siem")
		if err != nil || state.Problem == "" || state.Position != 0 || strings.Contains(state.Problem, s.URL) {
			t.Errorf("%s: %+v, %v", what, state, err)
		}
	}
}

// Checkpoints are posted as they are signed, not more often than once a minute.
func TestCheckpointsArePosted(t *testing.T) {
	t.Parallel()
	h := open(t)
	s := newSIEM(t, 500)
	signer := h.sequenced(t, 1)
	d := h.NewDeliveries(signer.Public, nil, AuditWebhook{URL: s.URL, Secrets: []secret.Value{newSecret}, AllowPrivate: true})
	post := func() {
		t.Helper()
		if _, err := d.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	post() // is refused
	h.deliverNow(t)
	post()
	h.sequenced(t, 1)
	post() // too soon
	h.deliverNow(t)
	post()
	post() // nothing new
	var sizes []int64
	for _, note := range s.taken {
		tree, err := signer.Open(note)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, tree.N)
	}
	if len(sizes) != 2 || sizes[0] >= sizes[1] || len(s.posts) != 3 {
		t.Errorf("took trees of %v in %d posts", sizes, len(s.posts))
	}
}

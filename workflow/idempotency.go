package workflow

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"latchkey/storage"
)

// How long an answer is kept, and how long somebody may work on one before
// another may take it up.
const (
	answersFor    = 24 * time.Hour
	answerClaim   = 2 * time.Minute
	answersAtOnce = 1000
)

// RuleInProgress is the rule that one request is worked on once at a time.
const RuleInProgress = "in_progress"

// ClaimAnswer takes the right to answer a request that came under an
// idempotency key, or brings the answer that was given to the same request
// before. asked is everything that makes it the same: method, address, body.
// Neither is stored, only keyed hashes: a body may hold somebody's token. What
// is done under a claim has its ID as its source, so whoever takes the claim up
// after a crash finds it, and the same name a day later stands for a new request.
func (s *Service) ClaimAnswer(ctx context.Context, a Actor, name string, asked ...[]byte) (storage.Answer, error) {
	claim := storage.Answer{KeyID: a.Key, Name: s.Keys.Box.Hash("idempotency key\x00" + name), Request: s.Keys.Box.Hash(framed(asked))}
	got, err := s.DB.ClaimAnswer(ctx, claim, answerClaim)
	switch {
	case errors.Is(err, storage.ErrConflict):
		return got, refuse(RuleInProgress, "The same request is being worked on. Ask again in a moment for its answer.")
	case errors.Is(err, storage.ErrDuplicate):
		return got, refuse(RuleReplay, "Something else was asked for under this idempotency key before. Send the same again, or choose another key.")
	}
	return got, err
}

// framed joins parts so that no other parts join to the same.
func framed(parts [][]byte) string {
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return string(out)
}

// SourceOf is the source of what a key of Latchkey's own asks for under a name
// that is never forgotten: the same parts give the same source. Only their
// keyed hash is stored.
func (s *Service) SourceOf(a Actor, parts ...[]byte) string {
	sum := s.Keys.Box.Hash("source\x00" + framed(parts))
	return "api:" + a.Key.String() + ":" + hex.EncodeToString(sum[:])
}

// SettleAnswer says what became of a claim. A success is kept and told to
// whoever asks again. What was refused changed nothing, so the idempotency key
// is free again. Anything else, and what must not be kept (its status is
// zero), is worked on anew when the same is asked again.
func (s *Service) SettleAnswer(ctx context.Context, a storage.Answer) error {
	ctx = context.WithoutCancel(ctx) // who asked may be gone, and will ask again
	switch {
	case a.Status >= http.StatusOK && a.Status < http.StatusMultipleChoices:
		return s.DB.KeepAnswer(ctx, a)
	case a.Status >= http.StatusBadRequest && a.Status < http.StatusInternalServerError && !a.Again:
		return s.DB.DropAnswer(ctx, a)
	}
	return s.DB.ReleaseAnswer(ctx, a)
}

// sweepAnswers forgets the answers that nobody asks for any more.
func (s *Service) sweepAnswers(ctx context.Context) error {
	for {
		n, err := s.DB.ForgetAnswers(ctx, answersFor, answersAtOnce)
		if err != nil || n < answersAtOnce {
			return err
		}
	}
}

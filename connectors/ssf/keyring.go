package ssf

import (
	"context"
	"crypto"
	"fmt"
	"time"
)

const (
	askEvery = time.Minute // at most, whatever the keys tokens name
	keepFor  = time.Hour   // then a withdrawn key is no longer honoured
)

// keyring remembers the transmitter's keys.
type keyring struct {
	fetch func(context.Context) (keySet, error)
	now   func() time.Time

	turn chan struct{} // holds one element: who takes it may use the rest
	keys keySet
	had  time.Time // when keys came; zero: never
	ask  time.Time // when they were asked for last; zero: never
	err  error     // of the last time
}

func newKeyring(fetch func(context.Context) (keySet, error), now func() time.Time) *keyring {
	k := &keyring{fetch: fetch, now: now, turn: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	return k
}

// find is the key with an ID that may verify an algorithm. An unknown one has
// the keys asked for again, once a minute at most: the transmitter may have a
// new one. An error without ErrUnverified means that we could not learn it.
func (k *keyring) find(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
	if err := k.take(ctx); err != nil {
		return nil, err
	}
	now := k.now()
	key, ok := k.known(kid, alg, now)
	if !ok && (k.ask.IsZero() || !now.Before(k.ask.Add(askEvery))) {
		done := k.refresh(ctx, now)
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := k.take(ctx); err != nil {
			return nil, err
		}
		key, ok = k.known(kid, alg, now)
	}
	err := k.err
	k.turn <- struct{}{}
	switch {
	case ok:
		return key, nil
	case err != nil:
		return nil, fmt.Errorf("ask for the transmitter's keys: %w", err)
	}
	return nil, unverified("the token's key is not one of the transmitter's")
}

func (k *keyring) known(kid, alg string, now time.Time) (crypto.PublicKey, bool) {
	if k.had.IsZero() || !now.Before(k.had.Add(keepFor)) {
		return nil, false
	}
	return k.keys.find(kid, alg)
}

func (k *keyring) take(ctx context.Context) error {
	select {
	case <-k.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refresh asks for the keys and gives the turn back. It outlives a caller who
// goes away, who could otherwise keep the keys from everybody else.
func (k *keyring) refresh(ctx context.Context, now time.Time) (done <-chan struct{}) {
	finished := make(chan struct{})
	k.ask = now
	go func() {
		defer close(finished)
		keys, err := k.fetch(context.WithoutCancel(ctx))
		k.err = err
		if err == nil {
			k.keys, k.had = keys, now
		}
		k.turn <- struct{}{}
	}()
	return finished
}

package storage

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/secret"
)

// xorKeeper stands for a key-encryption key: it marks what it sealed.
func xorKeeper(mask byte) Keeper {
	turn := func(in []byte) []byte {
		out := bytes.Clone(in)
		for i := range out {
			out[i] ^= mask
		}
		return out
	}
	return Keeper{
		Seal: func(_ context.Context, plain []byte) ([]byte, error) {
			return append([]byte{mask}, turn(plain)...), nil
		},
		Open: func(_ context.Context, sealed []byte) ([]byte, error) {
			if len(sealed) == 0 || sealed[0] != mask {
				return nil, errors.New("not sealed by this key")
			}
			return turn(sealed[1:]), nil
		},
	}
}

func (h *house) keyring(t testing.TB) Keyring {
	t.Helper()
	k, err := h.OpenKeyring(context.Background(), xorKeeper(7))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestReplicasThatStartTogetherAgreeOnADataKey(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	const replicas = 4
	rings := make([]Keyring, replicas)
	errs := make([]error, replicas)
	var ready, done sync.WaitGroup
	ready.Add(replicas)
	for i := range replicas {
		keeper := xorKeeper(7)
		seal := keeper.Seal
		keeper.Seal = func(ctx context.Context, plain []byte) ([]byte, error) {
			ready.Done() // all of them saw an empty table
			ready.Wait()
			return seal(ctx, plain)
		}
		done.Go(func() { rings[i], errs[i] = h.OpenKeyring(context.Background(), keeper) })
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	at := secret.Place{Table: "t", Row: "r", Column: "c"}
	sealed := rings[0].Box.Seal(secret.New("s"), at)
	for i, r := range slices.Concat(rings, []Keyring{h.keyring(t)}) {
		if v, err := r.Box.Open(sealed, at); err != nil || v.Expose() != "s" || r.ID != rings[0].ID {
			t.Errorf("replica %d has another key: %v", i, err)
		}
	}
	var stored []byte
	if err := h.pool.QueryRow(t.Context(), `SELECT sealed FROM data_key`).Scan(&stored); err != nil || len(stored) != secret.KeySize+1 {
		t.Errorf("stored %d bytes, %v", len(stored), err)
	}
}

func TestAForeignKeeperIsRefused(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.keyring(t)
	if _, err := h.OpenKeyring(t.Context(), xorKeeper(9)); err == nil || !strings.Contains(err.Error(), "not the one this database was made with") {
		t.Errorf("another keeper: %v", err)
	}
	broken := errors.New("kms is down")
	_, err := openHouse(t).OpenKeyring(t.Context(), Keeper{Seal: func(context.Context, []byte) ([]byte, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("a keeper that can't seal: %v", err)
	}
	h.exec(t, `UPDATE data_key SET sealed = '\x0701'`)
	if _, err := h.OpenKeyring(t.Context(), xorKeeper(7)); err == nil {
		t.Error("a data key of one byte is taken")
	}
}

package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"latchkey/secret"
)

// Keeper wraps data keys under a key-encryption key that lives elsewhere.
type Keeper struct {
	Seal func(context.Context, []byte) ([]byte, error)
	Open func(context.Context, []byte) ([]byte, error)
}

// Keyring is the data key in use and its number in the rows it sealed.
type Keyring struct {
	ID  int16
	Box *secret.Box
}

// OpenKeyring unwraps the data key, making one on the first start. Replicas
// that start together agree on one.
func (db *DB) OpenKeyring(ctx context.Context, k Keeper) (Keyring, error) {
	const id = 1
	sealed, err := db.sealedDataKey(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		wrapped, err := k.Seal(ctx, secret.NewDataKey())
		if err != nil {
			return Keyring{}, fmt.Errorf("wrap data key with the keeper: %w", err)
		}
		if _, err := db.pool.Exec(ctx, `INSERT INTO data_key (id, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, wrapped); err != nil {
			return Keyring{}, fmt.Errorf("store data key: %w", err)
		}
		if sealed, err = db.sealedDataKey(ctx, id); err != nil {
			return Keyring{}, fmt.Errorf("read data key: %w", err)
		}
	} else if err != nil {
		return Keyring{}, fmt.Errorf("read data key: %w", err)
	}
	plain, err := k.Open(ctx, sealed)
	if err != nil {
		return Keyring{}, fmt.Errorf("unwrap data key: the keeper is not the one this database was made with: %w", err)
	}
	box, err := secret.NewBox(plain)
	if err != nil {
		return Keyring{}, err
	}
	return Keyring{ID: id, Box: box}, nil
}

func (db *DB) sealedDataKey(ctx context.Context, id int16) ([]byte, error) {
	var sealed []byte
	err := db.pool.QueryRow(ctx, `SELECT sealed FROM data_key WHERE id = $1`, id).Scan(&sealed)
	return sealed, err
}

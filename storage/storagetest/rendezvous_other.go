//go:build !unix

package storagetest

import (
	"context"
	"os"
	"time"

	"latchkey/storage/postgres"
)

const joinTime = time.Minute

// rendezvous does not exist on this platform, where there is no private
// server: tests need LATCHKEY_TEST_DATABASE_URL.
type rendezvous struct{ dir string }

func systemRendezvous() (rendezvous, error) {
	_, err := postgres.FindBinaries()
	return rendezvous{}, err
}

func (rendezvous) join(context.Context) (string, *os.File, error) {
	_, err := postgres.FindBinaries()
	return "", nil, err
}

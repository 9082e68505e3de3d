package githubsecrets

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v88/github"
	"golang.org/x/crypto/nacl/box"

	"latchkey/connectors"
)

// Deliver seals the secret for the repository and puts it there.
//
// GitHub shows of a secret only when it was written, so a variable beside it,
// <NAME>_LATCHKEY, says whose it is: the Label and the Facts in JSON, written
// right before the secret. It is how a lost answer is found again: a secret
// that was written within two minutes of the marker with our Label is ours.
//
// The Version is the secret's updated_at. GitHub has no conditional write:
// what is there is looked at right before writing, and whoever writes in
// between loses, as does, unnoticed, whoever writes within the same second
// after us.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	p, err := parse(d.Place)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("%w: %w", connectors.ErrUnrecoverable, err)
	}
	if d.Label == "" || d.Secret.Empty() {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w: the label or the secret is missing", p, connectors.ErrUnrecoverable)
	}
	v, err := c.deliver(ctx, p, d)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", p, err)
	}
	return connectors.Delivered{Version: v, Where: p.String()}, nil
}

func (c *Connector) deliver(ctx context.Context, p place, d connectors.Delivery) (v string, err error) {
	sealed, err := c.seal(ctx, p, d)
	if err != nil {
		return "", err
	}
	m, err := c.readMarker(ctx, p)
	if err != nil {
		return "", err
	}
	before, err := c.look(ctx, p)
	if err != nil {
		return "", err
	}
	write, err := decide(before, m, p, d)
	if err != nil || !write {
		return version(before), err
	}
	if err := c.announce(ctx, p, d, m != nil); err != nil {
		return "", err
	}
	if _, err := c.api.do(ctx, request{method: http.MethodPut, path: p.path("secrets", p.name), body: sealed}, nil); err != nil {
		return "", err
	}
	after, err := c.look(ctx, p)
	if err != nil {
		return "", err
	}
	if after == nil || before != nil && version(after) == version(before) {
		return "", errors.New("GitHub does not show the new secret yet")
	}
	return version(after), nil
}

// decide judges what is in the place, nil for nothing. Without an error, false
// means that it was delivered already.
func decide(found *github.Secret, m *marker, p place, d connectors.Delivery) (write bool, err error) {
	switch {
	case found == nil && d.Replaces == "":
		return true, nil
	case found == nil:
		return false, taken("the secret is not there any more")
	case version(found) == d.Replaces:
		return true, nil
	case m != nil && m.Label == d.Label && m.covers(found):
		return false, nil
	case d.Replaces == "":
		return false, taken("the secret is there already, and this delivery did not put it there: delete %s in the repository's settings, then try again", p.name)
	}
	return false, taken("the secret was changed since it was delivered")
}

func taken(sentence string, args ...any) error {
	return fmt.Errorf("%w: %s", connectors.ErrTaken, fmt.Sprintf(sentence, args...))
}

// version is when a secret was last written, empty for none.
func version(s *github.Secret) string {
	if s == nil {
		return ""
	}
	return s.UpdatedAt.UTC().Format(time.RFC3339Nano)
}

// look is nil where there is no such secret.
func (c *Connector) look(ctx context.Context, p place) (*github.Secret, error) {
	var s github.Secret
	there, err := c.api.get(ctx, p.path("secrets", p.name), &s)
	if err != nil || !there {
		return nil, err
	}
	if !strings.EqualFold(s.Name, p.name) || s.UpdatedAt.IsZero() {
		return nil, errors.New("the answer is not the secret that was asked for")
	}
	return &s, nil
}

// seal encrypts for the repository's or the environment's public key. It comes
// first: without that key a 404 of the secret could mean that the repository
// can't be seen.
func (c *Connector) seal(ctx context.Context, p place, d connectors.Delivery) (*github.EncryptedSecret, error) {
	var answer github.PublicKey
	if _, err := c.api.do(ctx, request{method: http.MethodGet, path: p.path("secrets", "public-key")}, &answer); err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(answer.GetKey())
	if err != nil || len(key) != 32 || answer.GetKeyID() == "" {
		return nil, errors.New("the answer has no public key")
	}
	sealed, err := box.SealAnonymous(nil, []byte(d.Secret.Expose()), (*[32]byte)(key), rand.Reader)
	if err != nil {
		return nil, errors.New("seal the secret: the public key does not work")
	}
	return &github.EncryptedSecret{KeyID: answer.GetKeyID(), EncryptedValue: base64.StdEncoding.EncodeToString(sealed)}, nil
}

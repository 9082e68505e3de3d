package azurekeyvault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"latchkey/connectors"
)

const (
	labelTag = "latchkey_label"
	maxTags  = 15  // of a secret; unverified
	maxTag   = 256 // characters of a tag's value; unverified
)

// stored is the current version of a secret.
type stored struct{ version, label, value string }

// Deliver makes a new version of a secret. The Label is its tag
// latchkey_label, and each of the Facts is a tag too, as far as fifteen tags
// of 256 characters go. Attributes, such as an expiry, are left to whoever
// sets them.
//
// The Version is the vault's. It has no conditional write: the current version
// is compared right before a new one is made, and whoever writes in between
// loses; the vault keeps what they wrote as an earlier version.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	if err := c.CheckPlace(d.Place); err != nil {
		return connectors.Delivered{}, fmt.Errorf("%w: %w", connectors.ErrUnrecoverable, err)
	}
	version, err := c.deliver(ctx, d)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to secret %s of %s: %w", d.Place, c.host, err)
	}
	return connectors.Delivered{
		Version: version, Where: fmt.Sprintf("secret %s of %s, version %s", d.Place, c.host, version),
	}, nil
}

func (c *Connector) deliver(ctx context.Context, d connectors.Delivery) (version string, err error) {
	if d.Label == "" || len([]rune(d.Label)) > maxTag || d.Secret.Empty() {
		return "", fmt.Errorf("%w: the label or the secret is missing or too long", connectors.ErrUnrecoverable)
	}
	if err := c.take(ctx); err != nil {
		return "", err
	}
	defer c.give()
	found, err := c.read(ctx, d.Place)
	if err != nil {
		return "", err
	}
	write, err := decide(found, d)
	if err != nil {
		return "", err
	}
	if !write {
		return found.version, nil
	}
	return c.write(ctx, d)
}

// decide judges the current version, nil for none. Without an error, false
// means that it was delivered already.
func decide(found *stored, d connectors.Delivery) (write bool, err error) {
	switch {
	case found == nil && d.Replaces == "":
		return true, nil
	case found == nil:
		return false, taken("the secret is not there any more")
	case found.label == d.Label && found.value == d.Secret.Expose():
		return false, nil
	case found.label == d.Label:
		return false, taken("the secret was changed under the tag of this delivery")
	case d.Replaces == "":
		return false, taken("the secret is there, and this delivery did not put it there: choose another name, or delete and purge it")
	case found.version != d.Replaces:
		return false, taken("the secret has another version than the one that was delivered")
	}
	return true, nil
}

func taken(sentence string) error { return fmt.Errorf("%w: %s", connectors.ErrTaken, sentence) }

// read is nil where there is no such secret.
func (c *Connector) read(ctx context.Context, name string) (*stored, error) {
	call := http.MethodGet + " /secrets/" + name
	answer, err := c.client.GetSecret(ctx, name, "", nil)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failure(call, err)
	}
	found, ok := read(answer.Secret)
	if !ok {
		return nil, fmt.Errorf("%s: the answer is not a secret", call)
	}
	return found, nil
}

// read is false for an answer without a version or a value.
func read(s azsecrets.Secret) (*stored, bool) {
	if s.ID == nil || s.Value == nil || !isName(s.ID.Version()) {
		return nil, false
	}
	out := &stored{version: s.ID.Version(), value: *s.Value}
	if tag := s.Tags[labelTag]; tag != nil {
		out.label = *tag
	}
	return out, true
}

func (c *Connector) write(ctx context.Context, d connectors.Delivery) (version string, err error) {
	call := http.MethodPut + " /secrets/" + d.Place
	value := d.Secret.Expose()
	answer, err := c.client.SetSecret(ctx, d.Place, azsecrets.SetSecretParameters{Value: &value, Tags: tags(d)}, nil)
	if err != nil {
		return "", explain(failure(call, err), d)
	}
	made, ok := read(answer.Secret)
	if !ok || made.label != d.Label || made.value != value {
		return "", fmt.Errorf("%s: the vault did not keep what was sent", call)
	}
	return made.version, nil
}

// explain tells conflicts apart. A secret that was deleted keeps its name
// until it is purged.
func explain(err error, d connectors.Delivery) error {
	if broken, ok := errors.AsType[*unanswered](err); ok {
		return &unanswered{text: strings.ReplaceAll(broken.text, d.Secret.Expose(), d.Secret.String()), err: broken.err}
	}
	e, ok := errors.AsType[*refusal](err)
	if !ok || e.err.Status != http.StatusConflict {
		return err
	}
	if e.inner == "ObjectIsDeletedButRecoverable" {
		return taken("a secret of that name was deleted and can still be recovered: recover or purge it, or choose another name")
	}
	return errors.New(e.Error() + ": try again later") // nothing was written, and %w would say that it never will be
}

// tags cuts what is for people only.
func tags(d connectors.Delivery) map[string]*string {
	label := d.Label
	out := map[string]*string{labelTag: &label}
	for _, key := range slices.Sorted(maps.Keys(d.Facts)) {
		if len(out) == maxTags || key == labelTag {
			continue
		}
		fact := []rune(d.Facts[key])
		text := string(fact[:min(len(fact), maxTag)])
		out[key] = &text
	}
	return out
}

package kubernetes

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// maxTries bounds how often others may get ahead of us in one delivery.
const maxTries = 4

// errChanged means that nothing was written, because the Secret is not any
// more as it was read.
var errChanged = errors.New("the Secret was changed by others meanwhile")

// Deliver puts the secret into one key of a Secret. A Secret that is not there
// is made, of type Opaque and labelled app.kubernetes.io/managed-by=latchkey;
// to one that is there, whosever it is, the key is added, and nothing else in
// it is touched. The Label is the annotation latchkey.dev/label.<key>, the
// Facts, in JSON, are latchkey.dev/facts.<key>, and latchkey.dev/value.<key>
// is a SHA-256 by which a value changed by hand shows.
//
// The Version is the Label, because the cluster has versions of whole Secrets
// only, whose other keys change too. Writes are conditional on the resource
// version that was read, so nobody's change is lost.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	p, err := c.parse(d.Place)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("%w: %w", connectors.ErrUnrecoverable, err)
	}
	if d.Label == "" || d.Secret.Empty() {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w: the label or the secret is missing", p, connectors.ErrUnrecoverable)
	}
	for range maxTries {
		err = c.try(ctx, p, d)
		if err == nil {
			return connectors.Delivered{Version: d.Label, Where: p.String()}, nil
		}
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", p, err)
}

func (c *Connector) try(ctx context.Context, p place, d connectors.Delivery) error {
	found, err := c.read(ctx, p)
	if err != nil {
		return err
	}
	step, err := decide(found, p, d)
	if err != nil {
		return err
	}
	switch step {
	case create:
		return c.create(ctx, p, d)
	case add:
		return c.add(ctx, p, d, found.Metadata.ResourceVersion)
	default:
		return nil
	}
}

// step is what to do about a place.
type step int

const (
	keep   step = iota // it was delivered already
	create             // the Secret is to be made
	add                // the key is to be added or replaced
)

// decide judges what is in the place, nil for no Secret.
func decide(found *object, p place, d connectors.Delivery) (step, error) {
	if found == nil {
		if d.Replaces != "" {
			return keep, taken("the Secret is not there any more")
		}
		return create, nil
	}
	if found.Metadata.DeletionTimestamp != "" {
		return keep, errors.New("the Secret is being deleted")
	}
	value, there := found.Data[p.key]
	label := found.Metadata.Annotations[labelNote+p.key]
	switch {
	case found.holds(p, d):
		return keep, nil
	case !there && d.Replaces == "":
		return add, nil
	case !there:
		return keep, taken("the key is not there any more")
	case label == d.Label:
		return keep, taken("the value of the key was changed")
	case d.Replaces == "":
		return keep, taken("the key is there, and this delivery did not put it there: choose another, or remove it")
	case label != d.Replaces:
		return keep, taken("the key is not the one that was delivered before")
	case found.Metadata.Annotations[digestNote+p.key] != digest(value):
		return keep, taken("the value of the key was changed since it was delivered")
	}
	return add, nil
}

func taken(sentence string) error { return fmt.Errorf("%w: %s", connectors.ErrTaken, sentence) }

// read is nil where there is no such Secret.
func (c *Connector) read(ctx context.Context, p place) (*object, error) {
	var found object
	_, err := c.api.Do(ctx, rest.Request{Method: http.MethodGet, Path: secrets(p) + rest.Path(p.secret)}, &found)
	if rest.Status(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !found.is(p) {
		return nil, errors.New("the answer is not the Secret that was asked for")
	}
	return &found, nil
}

func (c *Connector) create(ctx context.Context, p place, d connectors.Delivery) error {
	beside, err := notes(p, d)
	if err != nil {
		return err
	}
	annotations := map[string]string{}
	for name, value := range beside {
		if value != nil {
			annotations[name] = *value
		}
	}
	return c.write(ctx, c.api, p, d, rest.Request{Method: http.MethodPost, Path: secrets(p), Body: object{
		APIVersion: "v1", Kind: "Secret", Type: "Opaque",
		Metadata: metadata{
			Name: p.secret, Namespace: p.namespace, Labels: map[string]string{managedBy: manager}, Annotations: annotations,
		},
		Data: map[string][]byte{p.key: []byte(d.Secret.Expose())},
	}})
}

func (c *Connector) add(ctx context.Context, p place, d connectors.Delivery, resourceVersion string) error {
	beside, err := notes(p, d)
	if err != nil {
		return err
	}
	return c.write(ctx, c.merge, p, d, rest.Request{Method: http.MethodPatch, Path: secrets(p) + rest.Path(p.secret), Body: patch{
		Metadata: patchMetadata{ResourceVersion: resourceVersion, Annotations: beside},
		Data:     map[string][]byte{p.key: []byte(d.Secret.Expose())},
	}})
}

func (c *Connector) write(ctx context.Context, as *rest.Client, p place, d connectors.Delivery, r rest.Request) error {
	r.Query = url.Values{"fieldManager": {manager}}
	var written object
	_, err := as.Do(ctx, r, &written)
	status := rest.Status(err)
	if status == http.StatusConflict || status == http.StatusNotFound && r.Method == http.MethodPatch {
		return errChanged
	}
	if err != nil {
		return quiet(err, d)
	}
	if !written.is(p) || !written.holds(p, d) {
		return errors.New("the cluster did not keep what was sent")
	}
	return nil
}

// quiet makes an error of a write fit to be shown: an API server that can't
// read a body quotes from it.
func quiet(err error, d connectors.Delivery) error {
	if e, ok := errors.AsType[*rest.Error](err); ok {
		return &rest.Error{Method: e.Method, Path: e.Path, Status: e.Status}
	}
	value := d.Secret.Expose()
	text := strings.NewReplacer(
		value, d.Secret.String(), base64.StdEncoding.EncodeToString([]byte(value)), d.Secret.String(),
	).Replace(err.Error())
	return &unanswered{text: text, err: err}
}

// unanswered keeps the cause for errors.Is and prints a text that holds no
// secret.
type unanswered struct {
	text string
	err  error
}

// Error implements error.
func (e *unanswered) Error() string { return e.text }

// Unwrap implements the errors package's interface.
func (e *unanswered) Unwrap() error { return e.err }

// secrets is the collection a place is in.
func secrets(p place) string { return rest.Path("api", "v1", "namespaces", p.namespace, "secrets") }

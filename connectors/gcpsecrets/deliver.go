package gcpsecrets

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/api/secretmanager/v1"

	"latchkey/connectors"
)

// Deliver adds a version to the secret at the place, which it makes if need
// be; older versions stay readable by their number. The Version is Google's
// number. The annotation latchkey_label holds the Label, and each fact has an
// annotation latchkey_<its key>. A secret without any version is an empty
// place: people make such ones to say beforehand who may read them.
//
// Google has no check-and-set for versions: what is newest is compared right
// before the write, and the marks are set with the secret's etag. A delivery
// whose answer was lost before it could be marked is told from another's
// writing by its value, which takes the permission to read it
// (secretmanager.versions.access); without that it is ErrTaken, for a person
// to look.
func (c *Connector) Deliver(ctx context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	p, err := c.plan(d)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("%s: deliver: %w: %w", c.name, connectors.ErrUnrecoverable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	number, err := c.deliver(ctx, p)
	if err != nil {
		return connectors.Delivered{}, fmt.Errorf("deliver to %s: %w", p.id, err)
	}
	version := strconv.FormatInt(number, 10)
	return connectors.Delivered{Version: version, Where: c.path(p.id) + ", version " + version}, nil
}

// plan is a delivery in Google's words.
type plan struct {
	id, value string
	base      int64 // the version it replaces; zero for none
	marks     map[string]string
}

func (c *Connector) plan(d connectors.Delivery) (plan, error) {
	if err := c.CheckPlace(d.Place); err != nil {
		return plan{}, err
	}
	if d.Label == "" || d.Secret.Empty() {
		return plan{}, errors.New("the delivery has no label or no secret")
	}
	base := int64(0)
	if d.Replaces != "" {
		var err error
		base, err = strconv.ParseInt(d.Replaces, 10, 64)
		if err != nil || base < 1 || strconv.FormatInt(base, 10) != d.Replaces {
			return plan{}, fmt.Errorf("%q is not a version of Google's", d.Replaces)
		}
	}
	marks, err := marksOf(d, base)
	if err != nil {
		return plan{}, err
	}
	return plan{id: d.Place, value: d.Secret.Expose(), base: base, marks: marks}, nil
}

func (c *Connector) deliver(ctx context.Context, p plan) (number int64, err error) {
	var at *secretmanager.Secret
	if p.base == 0 {
		made, err := c.create(ctx, p)
		if err != nil {
			return 0, err
		}
		if made != nil {
			return c.add(ctx, p, made)
		}
	}
	if at, err = c.secret(ctx, p.id); err != nil {
		return 0, err
	}
	switch {
	case at == nil && p.base == 0:
		return 0, fmt.Errorf("%s: somebody removed the secret just now", c.name)
	case at == nil:
		return 0, c.taken("the secret is gone")
	}
	newest, enabled, err := c.latest(ctx, p.id)
	if err != nil {
		return 0, err
	}
	ours := at.Annotations[markLabel] == p.marks[markLabel] && at.Annotations[markBase] == p.marks[markBase]
	switch {
	case ours && newest == p.base: // an earlier try came as far as the marks
		return c.add(ctx, p, at)
	case ours:
		return newest, c.recognise(ctx, p, at, newest, enabled)
	case p.base > 0 && at.Annotations[markLabel] == "":
		return 0, c.taken("somebody took our marks away, or made the secret anew")
	case newest < p.base: // what is newest is said to show everywhere only in time
		return 0, fmt.Errorf("%s: Google does not show version %d", c.name, p.base)
	case newest != p.base:
		return 0, c.taken("version %d is not from this delivery", newest)
	}
	if at, err = c.mark(ctx, p.id, at, p.marks); err != nil {
		return 0, err
	}
	return c.add(ctx, p, at)
}

// recognise says whether a newer version than our base is the one of this
// delivery, whose answer was lost.
func (c *Connector) recognise(ctx context.Context, p plan, at *secretmanager.Secret, newest int64, enabled bool) error {
	if !enabled {
		return c.taken("somebody disabled or destroyed version %d", newest)
	}
	if at.Annotations[markVersion] == strconv.FormatInt(newest, 10) {
		return nil
	}
	same, readable, err := c.holds(ctx, p.id, newest, p.value)
	switch {
	case err != nil:
		return err
	case !readable:
		return c.taken("whether version %d is from this delivery can't be told without the permission secretmanager.versions.access", newest)
	case !same:
		return c.taken("version %d is not from this delivery", newest)
	}
	c.note(ctx, p, at, newest)
	return nil
}

func (c *Connector) taken(format string, a ...any) error {
	return fmt.Errorf("%s: %w: %s", c.name, connectors.ErrTaken, fmt.Sprintf(format, a...))
}

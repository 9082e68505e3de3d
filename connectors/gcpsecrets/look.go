package gcpsecrets

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/api/secretmanager/v1"
)

// path is a secret's, and of what is below it.
func (c *Connector) path(id string, more ...string) string {
	return strings.Join(append([]string{c.project, "secrets", id}, more...), "/")
}

// secret is nil when there is none of the ID.
func (c *Connector) secret(ctx context.Context, id string) (*secretmanager.Secret, error) {
	found, err := c.api.Get(c.path(id)).Context(ctx).Do()
	if status(err) == http.StatusNotFound {
		return nil, nil
	}
	if err == nil && (found == nil || !strings.HasSuffix(found.Name, "/secrets/"+id)) {
		err = errOddAnswer
	}
	if err != nil {
		return nil, c.failed(http.MethodGet, "/v1/"+c.path(id), err)
	}
	return found, nil
}

// latest is the number of a secret's newest version, which is what "latest"
// means to programs, whatever state it is in; zero when there is none.
func (c *Connector) latest(ctx context.Context, id string) (number int64, enabled bool, err error) {
	path := c.path(id, "versions", "latest")
	found, err := c.api.Versions.Get(path).Context(ctx).Do()
	if status(err) == http.StatusNotFound {
		return 0, false, nil
	}
	if err == nil {
		number, err = numberOf(found)
	}
	if err != nil {
		return 0, false, c.failed(http.MethodGet, "/v1/"+path, err)
	}
	return number, found.State == "ENABLED", nil
}

// numberOf reads it off a version's name, which has the project's number where
// we have its ID.
func numberOf(v *secretmanager.SecretVersion) (int64, error) {
	if v == nil {
		return 0, errOddAnswer
	}
	_, text, found := strings.Cut(v.Name, "/versions/")
	number, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || number < 1 {
		return 0, errOddAnswer
	}
	return number, nil
}

// holds says whether a version has a value. ok is false when Google does not
// let us read it.
func (c *Connector) holds(ctx context.Context, id string, number int64, value string) (same, ok bool, err error) {
	path := c.path(id, "versions", strconv.FormatInt(number, 10))
	found, err := c.api.Versions.Access(path).Context(ctx).Do()
	if status(err) == http.StatusForbidden {
		return false, false, nil
	}
	if err == nil && (found == nil || found.Payload == nil) {
		err = errOddAnswer
	}
	if err != nil {
		return false, false, c.failed(http.MethodGet, "/v1/"+path+":access", err)
	}
	return found.Payload.Data == base64.StdEncoding.EncodeToString([]byte(value)), true, nil
}

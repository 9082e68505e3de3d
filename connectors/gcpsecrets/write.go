package gcpsecrets

import (
	"context"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"strconv"

	"google.golang.org/api/secretmanager/v1"
)

// create makes a secret with our marks and without a version; nil when there
// is one of the ID.
func (c *Connector) create(ctx context.Context, p plan) (*secretmanager.Secret, error) {
	made, err := c.api.Create(c.project, &secretmanager.Secret{
		Annotations: p.marks,
		Replication: &secretmanager.Replication{Automatic: &secretmanager.Automatic{}},
	}).SecretId(p.id).Context(ctx).Do()
	if status(err) == http.StatusConflict {
		return nil, nil
	}
	if err == nil && (made == nil || made.Etag == "") {
		err = errOddAnswer
	}
	if err != nil {
		return nil, c.failed(http.MethodPost, "/v1/"+c.project+"/secrets", err)
	}
	return made, nil
}

// mark replaces the marks of the very secret that we looked at.
func (c *Connector) mark(ctx context.Context, id string, at *secretmanager.Secret, marks map[string]string) (*secretmanager.Secret, error) {
	changed, err := c.api.Patch(c.path(id), &secretmanager.Secret{
		Annotations: marked(at.Annotations, marks), Etag: at.Etag,
	}).UpdateMask("annotations").Context(ctx).Do()
	if moved(err) {
		return nil, fmt.Errorf("%s: %w", c.name, errMoved)
	}
	if err == nil && (changed == nil || changed.Etag == "") {
		err = errOddAnswer
	}
	if err != nil {
		return nil, c.failed(http.MethodPatch, "/v1/"+c.path(id), err)
	}
	return changed, nil
}

// add writes the version. The marks of at are this delivery's.
func (c *Connector) add(ctx context.Context, p plan, at *secretmanager.Secret) (number int64, err error) {
	added, err := c.api.AddVersion(c.path(p.id), &secretmanager.AddSecretVersionRequest{Payload: &secretmanager.SecretPayload{
		Data:       base64.StdEncoding.EncodeToString([]byte(p.value)),
		DataCrc32c: int64(crc32.Checksum([]byte(p.value), crc32.MakeTable(crc32.Castagnoli))),
	}}).Context(ctx).Do()
	if err == nil {
		number, err = numberOf(added)
	}
	if err != nil {
		return 0, c.failed(http.MethodPost, "/v1/"+c.path(p.id)+":addVersion", err)
	}
	c.note(ctx, p, at, number)
	return number, nil
}

// note marks which version the delivery became. It only spares the next try a
// look at the value, so its failure is none of the delivery's.
func (c *Connector) note(ctx context.Context, p plan, at *secretmanager.Secret, number int64) {
	marks := maps.Clone(p.marks)
	marks[markVersion] = strconv.FormatInt(number, 10)
	_, _ = c.mark(ctx, p.id, at, marks)
}

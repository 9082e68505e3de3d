package gcpsecretstest

import (
	"encoding/base64"
	"hash/crc32"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	projectNumber = "123456789012"
	maxValue      = 64 << 10
)

// answer does what a call asks for.
func (d *Double) answer(r *http.Request, body []byte) reply {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method == http.MethodPost && r.URL.Path == tokenPath {
		return d.giveToken(r, body)
	}
	below, inside := strings.CutPrefix(r.URL.Path, "/v1/projects/"+d.project+"/secrets")
	switch {
	case !d.signedIn(r):
		return fail(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case !inside || r.URL.RawPath != "":
		return denied("secretmanager.secrets.get") // another project is not told from none
	}
	for _, route := range []struct {
		method, form, permission string
		query                    []string
		serve                    func(id, version string, query url.Values, body []byte) reply
	}{
		{http.MethodPost, `^()()$`, "secretmanager.secrets.create", []string{"secretId"}, d.create},
		{http.MethodGet, `^/([A-Za-z0-9_-]+)()$`, "secretmanager.secrets.get", nil, d.get},
		{http.MethodPatch, `^/([A-Za-z0-9_-]+)()$`, "secretmanager.secrets.update", []string{"updateMask"}, d.patch},
		{http.MethodPost, `^/([A-Za-z0-9_-]+):addVersion()$`, "secretmanager.versions.add", nil, d.addVersion},
		{http.MethodGet, `^/([A-Za-z0-9_-]+)/versions/([0-9]+|latest)$`, "secretmanager.versions.get", nil, d.getVersion},
		{http.MethodGet, `^/([A-Za-z0-9_-]+)/versions/([0-9]+|latest):access$`, "secretmanager.versions.access", nil, d.access},
	} {
		parts := regexp.MustCompile(route.form).FindStringSubmatch(below)
		if parts == nil || r.Method != route.method {
			continue
		}
		if d.denied[route.permission] {
			return denied(route.permission)
		}
		if bad := odd(r, route.query, body); bad != "" {
			return fail(http.StatusBadRequest, "INVALID_ARGUMENT", bad)
		}
		return route.serve(parts[1], parts[2], r.URL.Query(), body)
	}
	return fail(http.StatusNotFound, "NOT_FOUND", "no such method")
}

// odd says what is wrong with a request before anybody looks into it; alt and
// prettyPrint are every operation's.
func odd(r *http.Request, keys []string, body []byte) string {
	query := r.URL.Query()
	for key, values := range query {
		if len(values) != 1 || !slices.Contains(keys, key) && key != "alt" && key != "prettyPrint" {
			return "unknown or repeated parameter " + key
		}
	}
	for _, key := range keys {
		if query.Get(key) == "" {
			return "missing parameter " + key
		}
	}
	reads := r.Method == http.MethodGet
	if reads != (len(body) == 0) || !reads && r.Header.Get("Content-Type") != "application/json" {
		return "a body where there is none, or none where there is one"
	}
	return ""
}

type secretIn struct {
	Annotations map[string]string `json:"annotations"`
	Etag        string            `json:"etag"`
	Replication *struct {
		Automatic *struct{} `json:"automatic"`
	} `json:"replication"`
}

func (d *Double) create(_, _ string, query url.Values, body []byte) reply {
	var in secretIn
	id := query.Get("secretId")
	if !decode(body, &in) || in.Replication == nil || in.Replication.Automatic == nil || in.Etag != "" ||
		!regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`).MatchString(id) || !validAnnotations(in.Annotations) {
		return fail(http.StatusBadRequest, "INVALID_ARGUMENT", "the secret is not valid")
	}
	if d.secrets[id] != nil {
		return fail(http.StatusConflict, "ALREADY_EXISTS", "Secret [projects/"+projectNumber+"/secrets/"+id+"] already exists.")
	}
	e := &entry{annotations: map[string]string{}}
	maps.Copy(e.annotations, in.Annotations)
	d.change(e)
	d.secrets[id] = e
	return ok(d.secretRow(id, e))
}

func (d *Double) get(id, _ string, _ url.Values, _ []byte) reply {
	e := d.secrets[id]
	if e == nil {
		return notFound(id)
	}
	return ok(d.secretRow(id, e))
}

// patch demands an etag, which Google does without.
func (d *Double) patch(id, _ string, query url.Values, body []byte) reply {
	var in secretIn
	if !decode(body, &in) || in.Replication != nil || in.Etag == "" || query.Get("updateMask") != "annotations" || !validAnnotations(in.Annotations) {
		return fail(http.StatusBadRequest, "INVALID_ARGUMENT", "the secret is not valid")
	}
	e := d.secrets[id]
	switch {
	case e == nil:
		return notFound(id)
	case in.Etag != e.etag:
		return fail(http.StatusBadRequest, "FAILED_PRECONDITION", "The etag provided in the request does not match the resource's current etag.")
	}
	e.annotations = in.Annotations
	d.change(e)
	return ok(d.secretRow(id, e))
}

// addVersion demands a checksum, which Google does without.
func (d *Double) addVersion(id, _ string, _ url.Values, body []byte) reply {
	var in struct {
		Payload struct {
			Data       []byte `json:"data"`
			DataCRC32C *int64 `json:"dataCrc32c,string"`
		} `json:"payload"`
	}
	if !decode(body, &in) || len(in.Payload.Data) == 0 || len(in.Payload.Data) > maxValue || in.Payload.DataCRC32C == nil {
		return fail(http.StatusBadRequest, "INVALID_ARGUMENT", "the payload is not valid")
	}
	if *in.Payload.DataCRC32C != checksum(in.Payload.Data) {
		return fail(http.StatusBadRequest, "INVALID_ARGUMENT", "the payload's checksum is not that of its data")
	}
	e := d.secrets[id]
	if e == nil {
		return notFound(id)
	}
	e.versions = append(e.versions, &version{value: string(in.Payload.Data), state: enabled})
	return ok(e.versionRow(id, len(e.versions)))
}

// find is a secret and one of its versions, or the refusal.
func (d *Double) find(id, text string) (*entry, int, *reply) {
	bad := notFound(id + "/versions/" + text)
	e := d.secrets[id]
	if e == nil {
		return nil, 0, &bad
	}
	number, _ := strconv.Atoi(text)
	if text == "latest" {
		number = len(e.versions)
	}
	if number < 1 || number > len(e.versions) {
		return nil, 0, &bad
	}
	return e, number, nil
}

func (d *Double) getVersion(id, text string, _ url.Values, _ []byte) reply {
	e, number, bad := d.find(id, text)
	if bad != nil {
		return *bad
	}
	return ok(e.versionRow(id, number))
}

func (d *Double) access(id, text string, _ url.Values, _ []byte) reply {
	e, number, bad := d.find(id, text)
	if bad != nil {
		return *bad
	}
	v := e.versions[number-1]
	if v.state != enabled {
		return fail(http.StatusBadRequest, "FAILED_PRECONDITION", "the version is in "+v.state+" state.")
	}
	return ok(object{"name": e.versionRow(id, number)["name"], "payload": object{
		"data": base64.StdEncoding.EncodeToString([]byte(v.value)), "dataCrc32c": strconv.FormatInt(checksum([]byte(v.value)), 10),
	}})
}

func checksum(data []byte) int64 {
	return int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

func validAnnotations(annotations map[string]string) bool {
	form, size := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`), 0
	for key, value := range annotations {
		if size += len(key) + len(value); !form.MatchString(key) {
			return false
		}
	}
	return size < 16<<10
}

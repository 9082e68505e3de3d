package awssecretstest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

const account = "123456789012"

// Config says what a double starts with. The zero value is a whole one.
type Config struct {
	Region string           // empty means eu-central-1
	Now    func() time.Time // of requests' ages and secrets' dates; nil means time.Now
}

// Double is one account in one region. It is safe for concurrent use.
type Double struct {
	double.Gate

	now    func() time.Time
	region string

	mu      sync.Mutex
	serial  int
	keys    map[string]key
	secrets map[string]*entry
	faults  []*Fault
	calls   map[string]int
}

// key is an access key and what its policy refuses.
type key struct {
	secret secret.Value
	denied []string // operations
}

// New makes an empty account.
func New(cfg Config) *Double {
	d := &Double{
		now: cfg.Now, region: cmp.Or(cfg.Region, "eu-central-1"),
		keys: map[string]key{}, secrets: map[string]*entry{}, calls: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	return d
}

// Region is the one the double plays.
func (d *Double) Region() string { return d.region }

// AddKey makes an access key whose policy allows everything but the operations
// named, such as "TagResource".
func (d *Double) AddKey(denied ...string) (id string, value secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	id, value = "AKIADOUBLE"+strconv.Itoa(d.serial), secret.Token(40)
	d.keys[id] = key{secret: value, denied: denied}
	return id, value
}

// Calls counts every operation since the start, in whatever way it was
// answered.
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API at "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	operation := operationOf(r)
	d.mu.Lock()
	d.calls[operation]++
	d.mu.Unlock()
	if !d.Pass(r.Context()) {
		return
	}
	body, ok := readBody(r)
	if !ok {
		return
	}
	f := d.fault(operation)
	if f == nil {
		d.answer(r, operation, body).write(w)
		return
	}
	if f.After {
		d.answer(r, operation, body)
	}
	f.write(w, body)
}

// answer does what a call asks for, if it is signed and allowed.
func (d *Double) answer(r *http.Request, operation string, body []byte) reply {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "" ||
		r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return refuse("UnknownOperationException", "")
	}
	id, bad := d.signer(r, body)
	if bad != nil {
		return *bad
	}
	if slices.Contains(d.keys[id].denied, operation) {
		return refuse("AccessDeniedException", "User: arn:aws:iam::"+account+":user/double is not authorized to perform: secretsmanager:"+operation)
	}
	switch operation {
	case "CreateSecret":
		return d.createSecret(body)
	case "DescribeSecret":
		return d.describeSecret(body)
	case "PutSecretValue":
		return d.putSecretValue(body)
	case "UpdateSecretVersionStage":
		return d.updateSecretVersionStage(body)
	case "TagResource":
		return d.tagResource(body)
	}
	return refuse("UnknownOperationException", "")
}

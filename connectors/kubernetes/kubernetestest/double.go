package kubernetestest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// DefaultNamespace is there unless a Config names others.
const DefaultNamespace = "payroll"

// Config says what a double starts with. The zero value accepts no token.
type Config struct {
	Token      secret.Value     // of the service account
	Verbs      []string         // what it may do with Secrets in any namespace; nil means get, create, patch
	Namespaces []string         // that are there; nil means DefaultNamespace
	Now        func() time.Time // nil means time.Now
}

// Double is one API server. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	down     bool
	lose     bool
	next     []http.HandlerFunc
	between  []func()
	calls    map[string]int
	revision int
	writes   int
	secrets  map[name]object
}

type name struct{ namespace, secret string }

// New makes a double without a Secret.
func New(cfg Config) *Double {
	if cfg.Verbs == nil {
		cfg.Verbs = []string{"get", "create", "patch"}
	}
	if cfg.Namespaces == nil {
		cfg.Namespaces = []string{DefaultNamespace}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Double{cfg: cfg, mux: http.NewServeMux(), calls: map[string]int{}, secrets: map[name]object{}, revision: 100}
	d.routes()
	return d
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// Put sets keys of a Secret as somebody else does, and makes it if need be.
func (d *Double) Put(namespace, secretName string, values map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := name{namespace, secretName}
	o, ok := d.secrets[at]
	if !ok {
		o = d.fresh(object{APIVersion: "v1", Kind: "Secret", Type: "Opaque", Metadata: metadata{Name: secretName, Namespace: namespace}})
	}
	data := maps.Clone(o.Data)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range values {
		data[key] = []byte(value)
	}
	o.Data = data
	d.store(at, o)
}

// Annotate sets one annotation as somebody else does.
func (d *Double) Annotate(namespace, secretName, key, value string) {
	d.edit(namespace, secretName, func(o *object) {
		annotations := map[string]string{}
		maps.Copy(annotations, o.Metadata.Annotations)
		annotations[key] = value
		o.Metadata.Annotations = annotations
	})
}

// Remove deletes one key as somebody else does.
func (d *Double) Remove(namespace, secretName, key string) {
	d.edit(namespace, secretName, func(o *object) {
		o.Data = maps.Clone(o.Data)
		delete(o.Data, key)
	})
}

// Freeze makes a Secret immutable.
func (d *Double) Freeze(namespace, secretName string) {
	d.edit(namespace, secretName, func(o *object) {
		yes := true
		o.Immutable = &yes
	})
}

// Finalize leaves a Secret waiting for its finalizers to delete it.
func (d *Double) Finalize(namespace, secretName string) {
	d.edit(namespace, secretName, func(o *object) { o.Metadata.DeletionTimestamp = d.cfg.Now().UTC().Format(time.RFC3339) })
}

// Delete deletes a Secret.
func (d *Double) Delete(namespace, secretName string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.secrets, name{namespace, secretName})
}

func (d *Double) edit(namespace, secretName string, change func(*object)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := name{namespace, secretName}
	o, ok := d.secrets[at]
	if !ok {
		return
	}
	change(&o)
	d.store(at, o)
}

// store gives a Secret its next resource version; mu is held.
func (d *Double) store(at name, o object) {
	d.revision++
	o.Metadata.ResourceVersion = strconv.Itoa(d.revision)
	d.secrets[at] = o
}

// Value is what programs read.
func (d *Double) Value(namespace, secretName, key string) (v secret.Value, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	value, ok := d.secrets[name{namespace, secretName}].Data[key]
	return secret.New(string(value)), ok
}

// Annotations are those of a Secret.
func (d *Double) Annotations(namespace, secretName string) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.secrets[name{namespace, secretName}].Metadata.Annotations)
}

// Labels are those of a Secret.
func (d *Double) Labels(namespace, secretName string) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.secrets[name{namespace, secretName}].Metadata.Labels)
}

// Writes counts what clients wrote.
func (d *Double) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

func (d *Double) may(verb string) bool { return slices.Contains(d.cfg.Verbs, verb) }

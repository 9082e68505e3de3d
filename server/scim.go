package server

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"latchkey/workflow"
)

// scimRoot is the address under which directories push people and groups
// (RFC 7644).
const scimRoot = "/scim/v2/"

// How fast directories may call, at each replica: a first push of everybody
// is thousands of calls in a row.
const (
	scimEachSecond = 500
	scimAtOnce     = 500
)

// scim is the door for directories.
type scim struct {
	*Server
	pace *rate.Limiter
}

// scimDoor is every route of the door.
func (s *Server) scimDoor() http.Handler {
	return s.scimDoorAt(rate.NewLimiter(scimEachSecond, scimAtOnce))
}

func (s *Server) scimDoorAt(pace *rate.Limiter) http.Handler {
	d := &scim{s, pace}
	mux := http.NewServeMux()
	d.serve(mux, "Users", d.users())
	d.serve(mux, "Groups", d.groups())
	d.discover(mux, "ServiceProviderConfig", func(*http.Request) (any, error) { return d.providerConfig(), nil })
	d.discover(mux, "ResourceTypes", func(*http.Request) (any, error) { return listOf(d.resourceTypes()), nil })
	d.discover(mux, "ResourceTypes/{id}", func(r *http.Request) (any, error) { return oneOf(d.resourceTypes(), r.PathValue("id")) })
	d.discover(mux, "Schemas", func(*http.Request) (any, error) { return listOf(d.schemas()), nil })
	d.discover(mux, "Schemas/{id}", func(r *http.Request) (any, error) { return oneOf(d.schemas(), r.PathValue("id")) })
	for _, missing := range []string{"Me", "Bulk", ".search"} {
		mux.HandleFunc(scimRoot+missing, d.open(func(http.ResponseWriter, *http.Request, workflow.Actor) error {
			return scimRefuse(http.StatusNotImplemented, "", "There is no %s here.", missing)
		}))
	}
	mux.HandleFunc(scimRoot, d.open(func(http.ResponseWriter, *http.Request, workflow.Actor) error {
		return scimRefuse(http.StatusNotFound, "", "There is no such address.")
	}))
	return mux
}

// serve adds the routes of one sort of resource.
func (d *scim) serve(mux *http.ServeMux, name string, e scimEndpoint) {
	all := scimRoot + name
	one := all + "/{id}"
	for _, address := range []string{all, all + "/{$}"} {
		mux.HandleFunc("GET "+address, d.open(e.find))
		mux.HandleFunc("POST "+address, d.open(e.add))
		mux.HandleFunc(address, d.wrongMethod("GET, POST"))
	}
	mux.HandleFunc("POST "+all+"/.search", d.open(e.search))
	mux.HandleFunc("GET "+one, d.open(e.show))
	mux.HandleFunc("PUT "+one, d.open(e.put))
	mux.HandleFunc("PATCH "+one, d.open(e.patch))
	mux.HandleFunc("DELETE "+one, d.open(e.drop))
	mux.HandleFunc(one, d.wrongMethod("GET, PUT, PATCH, DELETE"))
}

// discover adds a route that says what there is. It takes no filter (RFC 7644,
// 4).
func (d *scim) discover(mux *http.ServeMux, name string, what func(*http.Request) (any, error)) {
	mux.HandleFunc("GET "+scimRoot+name, d.open(func(w http.ResponseWriter, r *http.Request, _ workflow.Actor) error {
		if r.URL.Query().Has("filter") {
			return scimRefuse(http.StatusForbidden, "", "This address takes no filter.")
		}
		body, err := what(r)
		if err != nil {
			return err
		}
		writeSCIM(w, http.StatusOK, body)
		return nil
	}))
	mux.HandleFunc(scimRoot+name, d.wrongMethod("GET"))
}

// open opens an operation to keys that may provision.
func (d *scim) open(do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := d.caller(r)
		if err == nil {
			err = do(w, r, a)
		}
		if err != nil {
			d.giveUp(w, r, err)
		}
	}
}

// caller says for whom a directory calls.
func (d *scim) caller(r *http.Request) (workflow.Actor, error) {
	a, err := d.authenticate(r, "scim")
	if err == nil {
		err = within(a, workflow.ScopeProvision)
	}
	if err == nil && !d.pace.Allow() {
		p := scimRefuse(http.StatusTooManyRequests, "", "Too many calls at once: %d a second are served.", scimEachSecond)
		p.after = time.Second
		err = p
	}
	return a, err
}

// wrongMethod answers a method that an address does not have.
func (d *scim) wrongMethod(allowed string) http.HandlerFunc {
	return d.open(func(w http.ResponseWriter, _ *http.Request, _ workflow.Actor) error {
		w.Header().Set("Allow", allowed)
		return scimRefuse(http.StatusMethodNotAllowed, "", "This address takes %s only.", allowed)
	})
}

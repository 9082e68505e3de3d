package brokered

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
)

// What the gateway compiles no more of.
const (
	maxScopes   = 256
	maxSegments = 64
)

// checkConditions judges what a rule asks beside its methods and its path, as
// the gateway will at its start.
func checkConditions(access connectors.Access, r connectors.Rule) error {
	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		if name == "" || url.QueryEscape(name) != name {
			return fmt.Errorf("query parameter %q has no name, or one that needs encoding", name)
		}
	}
	if err := checkBody(r); err != nil {
		return err
	}
	if err := checkSlashes(r); err != nil {
		return err
	}
	return checkUpgrade(access, r)
}

func checkBody(r connectors.Rule) error {
	for _, name := range r.Body.Types {
		media, parameters, err := mime.ParseMediaType(name)
		if err != nil || len(parameters) > 0 || !strings.Contains(media, "/") {
			return fmt.Errorf("body type %q is not a media type without parameters, such as application/json", name)
		}
	}
	switch {
	case r.Body.Max < 0:
		return errors.New("a body's max is a number of bytes")
	case r.Body.Max > 0 && r.Deny:
		return errors.New("a denying rule can't have a body's max: leave large bodies out of the allowing rules")
	}
	return nil
}

func checkSlashes(r connectors.Rule) error {
	segments := strings.Split(r.Path, "/")
	for _, name := range r.Slashes {
		if !slices.Contains(segments, "{"+name+"}") && (name != "**" || segments[len(segments)-1] != "**") {
			return fmt.Errorf("slashes names %q, which is neither a {name} nor the ** of the path", name)
		}
	}
	return nil
}

// checkUpgrade keeps what can't be judged out of scopes that promise to change
// nothing: the gateway does not look into a connection that was upgraded.
func checkUpgrade(access connectors.Access, r connectors.Rule) error {
	switch {
	case r.Upgrade == "":
		return nil
	case r.Upgrade != connectors.WebSocket:
		return fmt.Errorf("upgrade %q is not %s", r.Upgrade, connectors.WebSocket)
	case !slices.Equal(r.Methods, []string{http.MethodGet}):
		return errors.New("a rule with an upgrade has the methods [GET]")
	case access == connectors.Read && !r.Deny:
		return errors.New("a read scope can't allow an upgrade, because what passes then is not judged")
	}
	return nil
}

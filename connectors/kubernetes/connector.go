package kubernetes

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.Sink         = (*Connector)(nil)
	_ connectors.PlaceChecker = (*Connector)(nil)
)

// Connector is one cluster, seen by a service account that may get, create and
// patch Secrets. It needs no right to list them.
type Connector struct {
	namespace string // of places that name none
	api       *rest.Client
	merge     *rest.Client // sends merge patches
}

// review is a SelfSubjectAccessReview of authorization.k8s.io/v1.
type review struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Spec       reviewSpec   `json:"spec"`
	Status     *reviewState `json:"status,omitempty"` // in answers
}

type reviewSpec struct {
	ResourceAttributes attributes `json:"resourceAttributes"`
}

type attributes struct {
	Namespace string `json:"namespace"`
	Verb      string `json:"verb"`
	Resource  string `json:"resource"`
}

type reviewState struct {
	Allowed bool `json:"allowed"`
}

// Check asks the cluster whether the token may do with the Secrets of the
// connection's namespace what Deliver does. It reads no Secret, and says
// nothing about other namespaces.
func (c *Connector) Check(ctx context.Context) error {
	for _, verb := range []string{"get", "create", "patch"} {
		if err := c.may(ctx, verb); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	}
	return nil
}

// may asks by POST, which makes nothing.
func (c *Connector) may(ctx context.Context, verb string) error {
	var answer review
	_, err := c.api.Do(ctx, rest.Request{
		Method: http.MethodPost,
		Path:   rest.Path("apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
		Body: review{
			APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview",
			Spec: reviewSpec{attributes{Namespace: c.namespace, Verb: verb, Resource: "secrets"}},
		},
	}, &answer)
	if err != nil {
		return err
	}
	if answer.Status == nil {
		return fmt.Errorf("the cluster did not say whether the token may %s Secrets", verb)
	}
	if !answer.Status.Allowed {
		return fmt.Errorf("%w: the token may not %s Secrets in namespace %s", connectors.ErrUnrecoverable, verb, c.namespace)
	}
	return nil
}

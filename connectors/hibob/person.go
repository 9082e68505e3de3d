package hibob

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// fieldIDs are asked for by the vendor's own names. The answer has them once
// more with slashes, each with its value (seen in others' recordings;
// unverified), or as a field of the person.
var fieldIDs = []string{"root.id", "root.email", "root.displayName"}

type value struct {
	Value string `json:"value"`
}

type person struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`

	RootID          value `json:"/root/id"`
	RootEmail       value `json:"/root/email"`
	RootDisplayName value `json:"/root/displayName"`
}

// account asks who it is. A person whom the vendor does not show us, or no
// longer, is passed on by ID alone: the event was signed and stands.
func (c *Connector) account(ctx context.Context, m message) (connectors.AccountRef, error) {
	account := connectors.AccountRef{ID: m.employee}
	if m.event == deleted {
		return account, nil
	}
	var p person
	_, err := c.client.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: rest.Path("v1", "people", m.employee), Body: map[string]any{"fields": fieldIDs},
	}, &p)
	switch {
	case rest.Status(err) == http.StatusNotFound:
		return account, nil
	case err != nil:
		return account, err
	case cmp.Or(p.RootID.Value, p.ID) != m.employee:
		return account, errors.New("the answer is about another person")
	}
	account.Email = cmp.Or(p.RootEmail.Value, p.Email)
	account.Name = cmp.Or(p.RootDisplayName.Value, p.DisplayName)
	return account, nil
}

package google

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// peoplePerPage is the most Google gives in one page.
const peoplePerPage = 500

// people walks the whole directory, suspended and archived people included.
// An error ends the walk.
func (c *Connector) people(ctx context.Context) iter.Seq2[*admin.User, error] {
	return func(yield func(*admin.User, error) bool) {
		seen := map[string]bool{}
		for cursor := ""; ; {
			page, err := c.peoplePage(ctx, cursor, peoplePerPage)
			if err == nil && seen[page.NextPageToken] {
				err = fmt.Errorf("%s: the directory comes to the same page again and again", c.name)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, u := range page.Users {
				if !yield(u, nil) {
					return
				}
			}
			if cursor = page.NextPageToken; cursor == "" {
				return
			}
			seen[cursor] = true
		}
	}
}

func (c *Connector) peoplePage(ctx context.Context, cursor string, size int64) (*admin.Users, error) {
	call := c.directory.Users.List().Customer("my_customer").OrderBy("email").MaxResults(size)
	if cursor != "" {
		call.PageToken(cursor)
	}
	page, err := call.Context(ctx).Do()
	if err == nil && (page == nil || page.Kind != "admin#directory#users") { // an answer of nothing must not look like nobody
		err = errOddAnswer
	}
	for i := 0; err == nil && i < len(page.Users); i++ {
		if page.Users[i] == nil || !validKey(page.Users[i].Id) {
			err = errOddAnswer
		}
	}
	if err != nil {
		return nil, c.failed(http.MethodGet, rest.Path("admin", "directory", "v1", "users"), err)
	}
	return page, nil
}

func (c *Connector) person(ctx context.Context, key string) (*admin.User, error) {
	u, err := c.directory.Users.Get(key).Context(ctx).Do()
	if err == nil && (u == nil || !validKey(u.Id)) { // null makes no user at all
		err = errOddAnswer
	}
	if err != nil {
		return nil, c.failed(http.MethodGet, userPath(key), err)
	}
	return u, nil
}

// gone is true when Google knows no such person while it answers other
// questions.
func (c *Connector) gone(ctx context.Context, key string) (bool, error) {
	_, err := c.person(ctx, key)
	if rest.Status(err) != http.StatusNotFound {
		return false, err
	}
	err = c.awake(ctx)
	return err == nil, err
}

// account is a person in the contract's words. The primary address is in a
// domain that Google had the customer prove.
func account(u *admin.User) connectors.AccountRef {
	a := connectors.AccountRef{ID: u.Id, Email: u.PrimaryEmail, Name: u.PrimaryEmail, Closed: u.Suspended || u.Archived}
	if u.Name != nil && u.Name.FullName != "" {
		a.Name = u.Name.FullName
	}
	return a
}

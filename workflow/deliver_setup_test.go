package workflow

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/vault"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
	"latchkey/storage"
)

const ledger = "payroll/ledger"

// cellar is a house with a Vault, into which the rule for reading lets keys go.
type cellar struct {
	*house
	*vaulttest.Double
	t *testing.T

	mu   sync.Mutex
	acts map[string]func()
}

func openCellar(t *testing.T) *cellar {
	t.Helper()
	c := &cellar{t: t, acts: map[string]func(){}}
	double, base := vaulttest.Start(t, vaulttest.Config{})
	c.Double = double
	sink, err := vault.Open(connectors.Settings{Name: "vault", Kind: "vault", BaseURL: base, AllowPrivate: true, Token: double.Token()}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.house = openWith(t, sinkDocument(), func(d *Deps) {
		d.Connectors["vault"] = sink
		d.Fault = c.fault
	})
	return c
}

// sinkDocument has the sinks "vault" and "attic", of which the rule for reading
// names the first.
func sinkDocument() Document {
	d := houseDocument()
	d.Connections["vault"] = ConnectionRules{Kind: "vault", Sink: true}
	d.Connections["attic"] = ConnectionRules{Kind: "vault", Sink: true}
	d.Policies[0].Sinks = []string{"vault", "acme"}
	return d
}

func (c *cellar) fault(point string) {
	c.mu.Lock()
	act := c.acts[point]
	delete(c.acts, point)
	c.mu.Unlock()
	if act != nil {
		act()
	}
}

// at does something once at a point of the outbox.
func (c *cellar) at(point string, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts[point] = do
}

// key asks for a key of a connection that goes into the Vault, and has it made
// but not delivered.
func (c *cellar) key(connection string) storage.Credential {
	c.t.Helper()
	r := c.submit(c.t, "alice", Ask{Connection: connection, Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 20 * day, Reason: "for the yearly report",
		Sink: "vault", Place: ledger})
	return c.made(c.keyOf(c.t, r.ID).ID)
}

// made has a key made, and not delivered.
func (c *cellar) made(id storage.CredentialID) storage.Credential {
	c.t.Helper()
	if err := c.Issue(context.Background(), id); err != nil {
		c.t.Fatal(err)
	}
	k := c.credential(c.t, id)
	if k.State != storage.CredentialActive || k.Sink != "vault" || k.Place != ledger || k.SinkVersion != "" {
		c.t.Fatalf("%+v", k)
	}
	return k
}

// renew rotates a key, and has the new one made but not delivered.
func (c *cellar) renew(old storage.Credential) storage.Credential {
	c.t.Helper()
	out, err := c.Rotate(context.Background(), c.people["alice"], old.ID, RotateAsk{}, fresh())
	if err != nil {
		c.t.Fatal(err)
	}
	return c.made(out.New.ID)
}

func (c *cellar) deliver(id storage.CredentialID) {
	c.t.Helper()
	if err := c.Deliver(context.Background(), id); err != nil {
		c.t.Fatalf("deliver %s: %v", id, err)
	}
}

// kept is what programs read at the place.
func (c *cellar) kept() (secret.Value, int) {
	c.t.Helper()
	data, version := c.Data("secret", ledger)
	text, _ := data["value"].(string)
	return secret.New(text), version
}

// unseen fails if anybody could see a key by any way there is.
func (c *cellar) unseen(when string, id storage.CredentialID) {
	c.t.Helper()
	if url, err := c.RevealURL(context.Background(), id); err != nil || url != "" {
		c.t.Errorf("%s: there is a link, %v", when, err)
	}
	k, err := c.DB.TicketOf(context.Background(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	token := c.ticketToken(id, k.Nonce).Expose()
	if ticket, err := c.OpenTicket(context.Background(), token); err != nil || ticket.State == TicketReady {
		c.t.Errorf("%s: the page opens: %s, %v", when, ticket.State, err)
	}
	if value, _, err := c.Reveal(context.Background(), token, ""); err != nil || !value.Empty() {
		c.t.Errorf("%s: the key is shown, %v", when, err)
	}
	if again, err := c.DB.TicketOf(context.Background(), id); err != nil || (again.Sealed == nil) != (k.Sealed == nil) || !again.ExpiresAt.Equal(k.ExpiresAt) {
		c.t.Errorf("%s: looking changed the ticket, %v", when, err)
	}
}

// count counts the events of a sort about a credential.
func (c *cellar) count(id storage.CredentialID, action string) int {
	c.t.Helper()
	all, err := c.DB.Events(context.Background(), storage.SubjectCredential, int64(id))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(slices.DeleteFunc(all, func(e storage.Event) bool { return e.Action != action }))
}

// hides fails if a value is anywhere in clear: in the database or in the log.
func (c *cellar) hides(values ...secret.Value) {
	c.t.Helper()
	c.checkNoSecrets(c.t)
	for _, v := range values {
		if strings.Contains(c.logs.String(), v.Expose()) {
			c.t.Error("I4: the log holds a key in clear")
		}
		for _, table := range []string{"credential", "ticket", "audit_event", "river_job", "receipt", "rotation"} {
			var found int
			if err := c.DB.Pool().QueryRow(context.Background(), `SELECT count(*) FROM `+table+` x WHERE strpos(x::text, $1) > 0`, v.Expose()).Scan(&found); err != nil {
				c.t.Fatal(err)
			}
			if found > 0 {
				c.t.Errorf("I4: %s holds a key in clear", table)
			}
		}
	}
}

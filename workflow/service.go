package workflow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/storage"
)

// Notifier tells people. The calls look at what is stored and bring every
// message about the subject up to date, so they may run twice, late, or after
// several changes at once.
type Notifier interface {
	RequestChanged(context.Context, storage.RequestID) error
	CredentialChanged(context.Context, storage.CredentialID) error
	BatchChanged(context.Context, storage.BatchID) error
	DigestChanged(context.Context, storage.DigestID) error
	CampaignChanged(context.Context, storage.CampaignID) error
	OffboardingChanged(context.Context, storage.OffboardingID) error
	LeakFound(context.Context, storage.LeakID) error
	QuarantineChanged(context.Context, storage.QuarantineID) error
	AuditFound(context.Context, storage.FindingID) error
}

// Silent is the Notifier of a deployment without Slack, such as a gateway
// that stands alone.
type Silent struct{}

// RequestChanged implements Notifier.
func (Silent) RequestChanged(context.Context, storage.RequestID) error { return nil }

// CredentialChanged implements Notifier.
func (Silent) CredentialChanged(context.Context, storage.CredentialID) error { return nil }

// BatchChanged implements Notifier.
func (Silent) BatchChanged(context.Context, storage.BatchID) error { return nil }

// DigestChanged implements Notifier.
func (Silent) DigestChanged(context.Context, storage.DigestID) error { return nil }

// CampaignChanged implements Notifier.
func (Silent) CampaignChanged(context.Context, storage.CampaignID) error { return nil }

// OffboardingChanged implements Notifier.
func (Silent) OffboardingChanged(context.Context, storage.OffboardingID) error { return nil }

// LeakFound implements Notifier.
func (Silent) LeakFound(context.Context, storage.LeakID) error { return nil }

// QuarantineChanged implements Notifier.
func (Silent) QuarantineChanged(context.Context, storage.QuarantineID) error { return nil }

// AuditFound implements Notifier.
func (Silent) AuditFound(context.Context, storage.FindingID) error { return nil }

// Deps is what a Service needs.
type Deps struct {
	DB         *storage.DB
	Keys       storage.Keyring
	Document   Document                        // today's policy
	Connectors map[string]connectors.Connector // by connection name
	SyncEvery  map[string]time.Duration        // by connection name; absent means hourly
	Logger     zerolog.Logger

	// Capabilities are the words of the catalog for what each connection's
	// kind can do, for people to read.
	Capabilities map[string][]string

	// Allows tells, by connection, which scopes let pass what a line of the
	// gateway's log stands for.
	Allows map[string]func(method, route string) []string

	// Refresh brings what is known of groups (sources such as
	// "slack:S0ITADMIN") up to date, unless it is fresh already. Nil where
	// nothing lives elsewhere. Eligibility judges by the age of what is
	// stored, so a failed refresh is not fatal here.
	Refresh func(ctx context.Context, sources []string)

	// AccountNow reads a Slack account as Slack has it, unless it was read just
	// now, and stores it; where Slack does not answer it is the stored one. Nil
	// where there is no Slack to ask: what is stored counts.
	AccountNow func(ctx context.Context, team, user string) (storage.Account, error)

	PublicURL  string        // of the reveal page, without a trailing slash
	GatewayURL string        // of the gateway, without a trailing slash
	LeaseFor   time.Duration // how long one vendor call may take; default 30 s
	SweepEach  time.Duration // default 1 s
	SyncHold   time.Duration // a walk that crashed is taken up after this; default 1 min

	// Fault is called at named points of the outbox, so that tests can kill
	// the process there. Nil in production.
	Fault func(point string)
}

// Service is every rule, behind methods that each stand for one thing a
// person or a job does. Safe for concurrent use.
type Service struct {
	Deps
	today *Rules

	mu     sync.Mutex
	byHash map[string]*Rules            // immutable once there
	filed  map[storage.RequestID]filing // likewise
	busy   busiest
}

// New compiles today's policy, stores it by its hash and remembers the
// connections. Problems of the policy come back as a *PolicyError.
func New(ctx context.Context, d Deps) (*Service, error) {
	s, err := Onlooker(d)
	if err != nil {
		return nil, err
	}
	changed, err := s.DB.SavePolicy(ctx, s.today.Hash, s.today.Text)
	if err != nil {
		return nil, err
	}
	if changed {
		if err := s.replanSoon(ctx); err != nil {
			return nil, err
		}
	}
	var rows []storage.Connection
	for name, c := range s.today.Connections {
		_, brokered := connectors.As[connectors.Broker](d.Connectors[name])
		rows = append(rows, storage.Connection{Name: name, Kind: c.Kind, Brokered: brokered, Listed: listed(d.Connectors[name])})
	}
	return s, s.DB.SaveConnections(ctx, rows)
}

// Onlooker is New without a trace in the database, for commands that only
// look.
func Onlooker(d Deps) (*Service, error) {
	if d.LeaseFor == 0 {
		d.LeaseFor = 30 * time.Second
	}
	if d.SweepEach == 0 {
		d.SweepEach = time.Second
	}
	if d.SyncHold == 0 {
		d.SyncHold = time.Minute
	}
	if d.Refresh == nil {
		d.Refresh = func(context.Context, []string) {}
	}
	if d.Fault == nil {
		d.Fault = func(string) {}
	}
	rules, problems := Compile(d.Document)
	if len(problems) > 0 {
		return nil, &PolicyError{problems}
	}
	return &Service{Deps: d, today: rules, byHash: map[string]*Rules{rules.Hash: rules}, filed: map[storage.RequestID]filing{}}, nil
}

// listed tells whether a system can be walked.
func listed(c connectors.Connector) bool {
	_, keys := connectors.As[connectors.Lister](c)
	_, grants := connectors.As[connectors.GrantLister](c)
	return keys || grants
}

// PolicyError lists what is wrong with a policy.
type PolicyError struct{ Problems []Problem }

// Error implements error.
func (e *PolicyError) Error() string {
	return fmt.Sprintf("the policy has %d problems, the first at %s: %s", len(e.Problems), e.Problems[0].Path, e.Problems[0].Message)
}

// Rules returns today's rules.
func (s *Service) Rules() *Rules { return s.today }

// rulesOf returns the rules a request was filed under.
func (s *Service) rulesOf(ctx context.Context, hash string) (*Rules, error) {
	s.mu.Lock()
	r := s.byHash[hash]
	s.mu.Unlock()
	if r != nil {
		return r, nil
	}
	text, err := s.DB.Policy(ctx, hash)
	if err != nil {
		return nil, err
	}
	d, err := DecodeDocument(text)
	if err != nil {
		return nil, err
	}
	r, problems := Compile(d)
	if len(problems) > 0 {
		return nil, &PolicyError{problems}
	}
	s.mu.Lock()
	s.byHash[hash] = r
	s.mu.Unlock()
	return r, nil
}

// filing is what never changes about a request once it is filed.
type filing struct {
	rules *Rules
	steps []storage.Step
}

// maxFilings bounds what is remembered; a vote on anything older reads again.
const maxFilings = 10_000

// filingOf says under which rules a request was filed and who is asked. Every
// click begins with it, so it is remembered.
func (s *Service) filingOf(ctx context.Context, id storage.RequestID) (filing, error) {
	s.mu.Lock()
	f, known := s.filed[id]
	s.mu.Unlock()
	if known {
		return f, nil
	}
	r, steps, _, err := s.DB.Request(ctx, id)
	if err != nil {
		return f, gone(err, fmt.Sprintf("request %s", id))
	}
	rules, err := s.rulesOf(ctx, r.PolicyHash)
	if err != nil {
		return f, err
	}
	f = filing{rules, steps}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.filed) >= maxFilings {
		clear(s.filed)
	}
	s.filed[id] = f
	return f, nil
}

// Describe fills in what rules need to know of the connections.
func Describe(ctx context.Context, d *Document, settings []connectors.Settings, opened map[string]connectors.Connector) error {
	d.Connections = map[string]ConnectionRules{}
	for _, c := range settings {
		_, sink := connectors.As[connectors.Sink](opened[c.Name])
		rules := ConnectionRules{Kind: c.Kind, Owners: c.Owners, Sink: sink, Places: c.Places}
		if l, ok := connectors.As[connectors.ScopeLister](opened[c.Name]); ok {
			scopes, err := l.Scopes(ctx)
			if err != nil {
				return fmt.Errorf("list scopes of %s: %w", c.Name, err)
			}
			for _, sc := range scopes {
				rules.Scopes = append(rules.Scopes, ScopeRule{sc.Name, sc.Title, sc.Access, sc.Description})
			}
		}
		d.Connections[c.Name] = rules
	}
	return nil
}

// gone stands for a row that is not there, in the words of a person.
func gone(err error, what string) error {
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(RuleUnknown, "There is no %s.", what)
	}
	return err
}

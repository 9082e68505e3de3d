package workflow

import (
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// expiringSoon is when a key is flagged as expiring.
const expiringSoon = 14 * 24 * time.Hour

func (s *Service) flagRules() storage.FlagRules {
	e := s.today.Enforcement
	return storage.FlagRules{MaxAge: time.Duration(e.MaxAge), StaleAfter: time.Duration(e.StaleAfter), StaleUnknown: e.StaleUnknown, Expiring: expiringSoon}
}

// Listing narrows List; the zero value is every live credential.
type Listing struct {
	Owner      storage.PersonID // zero: everybody
	Connection string
	Kind       string // api_key or oauth_grant; empty: both
	Flag       storage.Flag
	State      storage.CredentialState // empty: any
	All        bool                    // also those that ended
	Search     string                  // in its label, or the names of its owner and of its account
	Before     storage.CredentialID
	Limit      int // zero means 50
}

func (l Listing) filter() storage.InventoryFilter {
	return storage.InventoryFilter{OwnerID: l.Owner, Connection: l.Connection, Kind: l.Kind, Flag: l.Flag, State: l.State, Ended: l.All, Search: l.Search, Before: l.Before, Limit: l.Limit}
}

// List shows credentials with their flags, newest first: all of them to
// admins and to keys with credentials:read, one's own to everybody.
func (s *Service) List(ctx context.Context, a Actor, l Listing) ([]CredentialView, error) {
	if err := s.mayList(ctx, a, l); err != nil {
		return nil, err
	}
	rows, err := s.DB.Inventory(ctx, l.filter(), s.flagRules())
	if err != nil {
		return nil, err
	}
	return s.lookAtRows(ctx, rows)
}

func (s *Service) mayList(ctx context.Context, a Actor, l Listing) error {
	if a.Key != 0 {
		return a.May(ScopeRead)
	}
	if err := a.Admit(); err != nil {
		return err
	}
	if l.Owner == a.Account.PersonID {
		return nil
	}
	admin, err := s.IsAdmin(ctx, a)
	if err == nil && !admin {
		return refuse(RuleAdminOnly, "Only admins see other people's keys.")
	}
	return err
}

// lookAtRows turns inventory rows into views: whose, with which scopes and
// flags, and what can be done.
func (s *Service) lookAtRows(ctx context.Context, rows []storage.InventoryRow) ([]CredentialView, error) {
	ids := make([]storage.PersonID, 0, len(rows))
	for _, r := range rows {
		if r.OwnerID != 0 {
			ids = append(ids, r.OwnerID)
		}
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return nil, err
	}
	keys := make([]storage.CredentialID, len(rows))
	for i, r := range rows {
		keys[i] = r.ID
	}
	replaced, err := s.DB.ReplacedBy(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]CredentialView, 0, len(rows))
	for _, r := range rows {
		v := CredentialView{ReplacedBy: replaced[r.ID], Credential: r.Credential, Owner: people[r.OwnerID], Scopes: scopeViews(s.today, r.Connection, r.Scopes, r.Scopes),
			Account: AccountView{Ref: r.AccountRef, Name: r.AccountName, Email: r.AccountEmail, Service: r.Service}, Can: s.options(r.Credential)}
		if v.ReplacedBy != 0 {
			v.Can.Rotate, v.Can.Extend = false, false
		}
		if r.Live() {
			for _, f := range r.FlagList {
				v.Flags = append(v.Flags, storage.Flag(f))
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// options says what can be done with a credential in its state, at its
// system.
func (s *Service) options(c storage.Credential) Options {
	active, suspended := c.State == storage.CredentialActive, c.State == storage.CredentialSuspended
	out := Options{
		Revoke:   credentialMachine.allows(string(c.State), eventRevoke),
		Suspend:  active && s.canSuspend(c),
		Resume:   suspended && s.canSuspend(c),
		HandOver: c.Managed && (active || suspended),
		Adopt:    active && !c.Managed && len(c.Scopes) > 0,
	}
	live := c.Managed && (active || suspended)
	out.Rotate = c.Managed && active && s.rotateWay(c) != ""
	out.Extend = c.Managed && active && !fixedEnd(c)
	out.Edit, out.Exempt = c.Live(), live
	out.ByHand = out.Revoke && !c.Brokered && !s.canRevoke(c)
	return out
}

// canRevoke tells whether the system ends this sort of credential for us.
func (s *Service) canRevoke(c storage.Credential) bool {
	conn := s.Connectors[c.Connection]
	if g, ok := connectors.As[connectors.RevokeGuide](conn); ok && c.VendorRef != "" && len(g.GuideRevoke(connectors.Ref{ID: c.VendorRef}).Steps) > 0 {
		return false
	}
	if c.Kind == OAuthGrant {
		_, ok := connectors.As[connectors.GrantRevoker](conn)
		return ok
	}
	_, ok := connectors.As[connectors.Revoker](conn)
	return ok
}

// taskOf is what a person has to do at the system, if anything: make the key
// that was approved, or end the one that was revoked.
func (s *Service) taskOf(ctx context.Context, v CredentialView) *connectors.Task {
	c := v.Credential
	conn := s.Connectors[c.Connection]
	switch c.State {
	case storage.CredentialIssuing:
		guide, ok := connectors.As[connectors.IssueGuide](conn)
		if !ok || c.Brokered || v.Request != nil && v.Request.VendorRequest != "" {
			return nil
		}
		owner, err := s.ownerAt(ctx, c)
		if err != nil {
			return nil
		}
		task, err := guide.GuideIssue(connectors.IssueRequest{Label: s.label(c.ID), Owner: owner, Scopes: c.Scopes,
			ExpiresAt: c.CreatedAt.Add(time.Duration(c.LifetimeS) * time.Second)})
		if err != nil {
			s.Logger.Warn().Err(err).Stringer("credential", c.ID).Msg("no task could be written")
			return nil
		}
		return &task
	case storage.CredentialRevoking, storage.CredentialRevokeFailed:
		guide, ok := connectors.As[connectors.RevokeGuide](conn)
		if !ok || c.Brokered || c.VendorRef == "" {
			return nil
		}
		if task := guide.GuideRevoke(connectors.Ref{ID: c.VendorRef}); len(task.Steps) > 0 {
			return &task
		}
	case storage.CredentialActive, storage.CredentialSuspended, storage.CredentialExpired, storage.CredentialRevoked, storage.CredentialIssueFailed:
	}
	return nil
}

// SystemView is a connection with what is known of it.
type SystemView struct {
	Name     string
	Kind     string
	Owners   string // the group answerable for it
	Live     int
	ByFlag   map[storage.Flag]int
	Listed   bool // the system can be listed
	SyncedAt time.Time
	Problem  string   // why what is known may be out of date
	Can      []string // its capabilities, in the words of the catalog: "list", "revoke"
}

// Inventory counts what every configured system has. For admins, and keys with
// credentials:read.
func (s *Service) Inventory(ctx context.Context, a Actor) ([]SystemView, error) {
	if err := s.mayAs(ctx, a, ScopeRead, "see what every system has"); err != nil {
		return nil, err
	}
	return s.systemViews(ctx)
}

func (s *Service) systemViews(ctx context.Context) ([]SystemView, error) {
	counts, err := s.DB.InventoryCounts(ctx, s.flagRules())
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Connections(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]SystemView, 0, len(s.today.Connections))
	for name, c := range s.today.Connections {
		v := SystemView{Name: name, Kind: c.Kind, Owners: c.Owners, ByFlag: map[storage.Flag]int{}, Can: s.Capabilities[name],
			Listed: rows[name].Listed, SyncedAt: rows[name].SyncedAt, Problem: rows[name].Problem}
		for _, n := range counts {
			if n.Connection == name {
				v.Live, v.ByFlag = n.Live, n.ByFlag
			}
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b SystemView) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

var csvHeader = []string{"id", "system", "kind", "class", "label", "owner", "account", "account_email", "state", "managed", "access", "scopes",
	"created", "last_used", "expires", "flags", "request"}

// ExportCSV writes a whole listing, a page at a time. Cells that a
// spreadsheet would take for formulas are made plain text.
func (s *Service) ExportCSV(ctx context.Context, a Actor, l Listing, w io.Writer) (rows int, err error) {
	if err := s.mayList(ctx, a, l); err != nil {
		return 0, err
	}
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader); err != nil {
		return 0, err
	}
	f := l.filter()
	f.Before, f.Limit = 0, pageOfAll
	for {
		page, err := s.DB.Inventory(ctx, f, s.flagRules())
		if err != nil {
			return rows, err
		}
		views, err := s.lookAtRows(ctx, page)
		if err != nil {
			return rows, err
		}
		for _, v := range views {
			if err := out.Write(csvRow(v)); err != nil {
				return rows, err
			}
		}
		rows += len(page)
		if len(page) < pageOfAll {
			break
		}
		f.Before = page[len(page)-1].ID
	}
	out.Flush()
	return rows, out.Error()
}

func csvRow(v CredentialView) []string {
	c := v.Credential
	used := "unknown"
	switch {
	case !c.LastUsedAt.IsZero():
		used = c.LastUsedAt.UTC().Format(time.RFC3339)
	case c.UseKnown:
		used = "never"
	}
	created := c.VendorCreatedAt
	if created.IsZero() {
		created = c.ActivatedAt
	}
	flags := make([]string, len(v.Flags))
	for i, f := range v.Flags {
		flags[i] = string(f)
	}
	request, managed := "", "no"
	if c.RequestID != 0 {
		request = c.RequestID.String()
	}
	if c.Managed {
		managed = "yes"
	}
	row := []string{c.ID.String(), c.Connection, c.Kind, c.Class, c.Label, v.Owner.Name, v.Account.Ref, v.Account.Email, string(c.State), managed, c.Access,
		strings.Join(c.Scopes, " "), stamp(created), used, stamp(c.ExpiresAt), strings.Join(flags, " "), request}
	for i := range row {
		row[i] = plainCell(row[i])
	}
	return row
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// plainCell keeps a spreadsheet from running a cell (OWASP, CSV injection).
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// listWords joins names as people do: "a, b and c".
func listWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

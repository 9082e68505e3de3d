package server

import (
	"net/http"
	"net/url"
	"slices"

	"latchkey/storage"
	"latchkey/workflow"
)

// How much the overview shows of each list.
const overviewRows = 8

// overviewPage is where everything stands.
type overviewPage struct {
	frame

	Live     int
	Tiles    []chip
	Flags    []chip
	Systems  []systemRow
	Expiring []credentialRow
	Pending  []requestRow
	Cases    []caseRow
	Held     int // leavers who wait for an admin's word
	Audit    auditState
}

// auditState is how far the audit log is signed.
type auditState struct {
	Size    int64
	At      moment
	Problem string // why the database is in quarantine; empty where it is not
}

func (s *Server) consoleOverview(w http.ResponseWriter, r *http.Request, c admin) {
	page := overviewPage{frame: s.frame(r, c, "Overview", "Overview")}
	for _, read := range []func(*http.Request, admin, *overviewPage) error{s.overviewSystems, s.overviewKeys, s.overviewPeople} {
		if err := read(r, c, &page); err != nil {
			s.failInConsole(w, r, c, err)
			return
		}
	}
	s.write(w, r, http.StatusOK, "console_overview.html", page)
}

func (s *Server) overviewSystems(r *http.Request, c admin, page *overviewPage) error {
	systems, err := s.workflow.Inventory(r.Context(), c.actor)
	if err != nil {
		return err
	}
	flags := map[storage.Flag]int{}
	for _, v := range systems {
		page.Systems = append(page.Systems, systemRowOf(v))
		page.Live += v.Live
		for f, n := range v.ByFlag {
			flags[f] += n
		}
	}
	for _, f := range storage.Flags {
		if flags[f] > 0 {
			page.Flags = append(page.Flags, chip{Words: flagWords[f], Count: flags[f], Mark: flagMark(f), Path: listPath("flag", string(f))})
		}
	}
	return nil
}

// listPath is the list of credentials, narrowed.
func listPath(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return consoleRoot + "/credentials"
	}
	return consoleRoot + "/credentials?" + q.Encode()
}

func (s *Server) overviewKeys(r *http.Request, c admin, page *overviewPage) error {
	keys, err := s.workflow.List(r.Context(), c.actor, workflow.Listing{Flag: storage.FlagExpiring, Limit: 200})
	if err != nil {
		return err
	}
	slices.SortStableFunc(keys, func(a, b workflow.CredentialView) int { return a.Credential.ExpiresAt.Compare(b.Credential.ExpiresAt) })
	for _, v := range keys[:min(overviewRows, len(keys))] {
		page.Expiring = append(page.Expiring, credentialRowOf(v))
	}
	requests, err := s.workflow.Requests(r.Context(), c.actor, storage.RequestFilter{States: []storage.RequestState{storage.RequestPending}, Limit: 200})
	if err != nil {
		return err
	}
	for _, v := range requests[:min(overviewRows, len(requests))] {
		page.Pending = append(page.Pending, requestRowOf(v))
	}
	page.Tiles = []chip{
		{Words: nouns(page.Live, "credential gives access", "credentials give access"), Count: page.Live, Path: listPath()},
		{Words: nouns(len(keys), "ends within two weeks", "end within two weeks"), Count: len(keys), Path: listPath("flag", string(storage.FlagExpiring)), Mark: markIf(len(keys) > 0, "warn")},
		{Words: nouns(len(requests), "request waits", "requests wait"), Count: len(requests), Path: consoleRoot + "/requests?state=pending", Mark: markIf(len(requests) > 0, "warn")},
	}
	return nil
}

// nouns are the words behind a number.
func nouns(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func markIf(yes bool, mark string) string {
	if yes {
		return mark
	}
	return ""
}

func (s *Server) overviewPeople(r *http.Request, c admin, page *overviewPage) error {
	cases, err := s.workflow.Offboardings(r.Context(), c.actor, 0, true)
	if err != nil {
		return err
	}
	for _, v := range cases {
		page.Cases = append(page.Cases, caseRowOf(v))
	}
	held, err := s.workflow.LookAtHeld(r.Context())
	if err != nil {
		return err
	}
	page.Held = held.Count
	page.Tiles = append(page.Tiles, chip{Words: nouns(len(cases), "offboarding is open", "offboardings are open"), Count: len(cases), Path: consoleRoot + "/offboardings", Mark: markIf(len(cases) > 0, "warn")})
	page.Audit, err = s.auditState(r, c)
	return err
}

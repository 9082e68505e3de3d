package tempotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"latchkey/connectors/double"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "tempo-double"
	savedVersion = 1
)

// savedDouble is a double at rest. The tokens it accepts are in it in clear: it
// is for a demo's own directory only.
type savedDouble struct {
	Format   string              `json:"format"`
	Version  int                 `json:"version"`
	Tokens   []savedToken        `json:"tokens"`
	Worklogs savedTable[worklog] `json:"worklogs"`
	Plans    savedTable[plan]    `json:"plans"`
	Accounts savedTable[account] `json:"accounts"`
	Teams    savedTable[team]    `json:"teams"`
	Members  map[int64][]string  `json:"members"` // account ids by team
	Issues   map[int64]int64     `json:"issues"`
	Pairs    []pair              `json:"pairs,omitempty"` // of OAuth tokens
}

type savedToken struct {
	Token string `json:"token"`
	View  bool   `json:"view"` // may use GET only
}

type savedTable[T any] struct {
	Last int64       `json:"last"`
	Rows map[int64]T `json:"rows"`
}

// Save is the tables, the accepted tokens and the pairs of OAuth tokens as JSON,
// for Restore. Knobs, holds, the count of calls, unused authorization codes and
// the apps, which the Config has, are not in it. The result holds tokens in
// clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tokens := []savedToken{}
	for _, token := range slices.Sorted(maps.Keys(d.tokens)) {
		tokens = append(tokens, savedToken{Token: token, View: d.tokens[token] == view})
	}
	members := map[int64][]string{}
	for id, t := range d.teams.rows {
		members[id] = t.people
	}
	raw, err := json.Marshal(savedDouble{
		Format: savedFormat, Version: savedVersion, Tokens: tokens,
		Worklogs: d.worklogs.saved(), Plans: d.plans.saved(), Accounts: d.accounts.saved(), Teams: d.teams.saved(),
		Members: members, Issues: d.issues,
		Pairs: slices.SortedFunc(maps.Values(d.pairs), func(a, b pair) int { return strings.Compare(a.Refresh, b.Refresh) }),
	})
	if err != nil {
		return nil, fmt.Errorf("encode double: %w", err)
	}
	return raw, nil
}

func (t *table[T]) saved() savedTable[T] { return savedTable[T]{Last: t.last, Rows: t.rows} }

// Restore replaces the tables, the accepted tokens and the pairs by what Save
// returned. On an error nothing has changed.
func (d *Double) Restore(raw []byte) error {
	in, err := readSaved(raw)
	if err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	for id, t := range in.Teams.Rows {
		t.people = in.Members[id]
		in.Teams.Rows[id] = t
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens = map[string]access{}
	for _, t := range in.Tokens {
		d.tokens[t.Token] = full
		if t.View {
			d.tokens[t.Token] = view
		}
	}
	d.worklogs, d.plans = in.Worklogs.table(), in.Plans.table()
	d.accounts, d.teams = in.Accounts.table(), in.Teams.table()
	d.issues = in.Issues
	d.pairs = map[string]pair{}
	for _, p := range in.Pairs {
		d.pairs[p.Refresh] = p
	}
	return nil
}

func (s savedTable[T]) table() table[T] { return table[T]{rows: s.Rows, last: s.Last} }

func readSaved(raw []byte) (savedDouble, error) {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return in, err
	}
	return in, in.check()
}

// check reports every problem at once; none of them names a token.
func (in savedDouble) check() error {
	problems := []error{
		in.Worklogs.check("worklog", func(w worklog) int64 { return w.TempoWorklogID }),
		in.Plans.check("plan", func(p plan) int64 { return p.ID }),
		in.Accounts.check("account", func(a account) int64 { return a.ID }),
		in.Teams.check("team", func(t team) int64 { return t.ID }),
	}
	if slices.ContainsFunc(in.Tokens, func(t savedToken) bool { return t.Token == "" }) {
		problems = append(problems, errors.New("a token is empty"))
	}
	if slices.ContainsFunc(in.Pairs, func(p pair) bool { return p.Refresh == "" || p.Person == "" }) {
		problems = append(problems, errors.New("a pair of tokens is not whole"))
	}
	return errors.Join(problems...)
}

func (s savedTable[T]) check(noun string, id func(T) int64) error {
	for key, row := range s.Rows {
		if key < 1 || key > s.Last || id(row) != key {
			return fmt.Errorf("%s %d is out of place", noun, key)
		}
	}
	return nil
}

package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// Person is a human from the directory; may have several accounts, counts once.
type Person struct {
	bun.BaseModel `bun:"table:person,alias:p"`

	ID         PersonID  `bun:"id,pk,autoincrement"`
	Email      string    `bun:"email,nullzero"` // lower case; empty when the directory has none
	Name       string    `bun:"name"`
	ExternalID string    `bun:"external_id,nullzero"` // the SCIM externalId
	Active     bool      `bun:"active"`               // false once the person left: the fence
	CreatedAt  time.Time `bun:"created_at"`
}

// Account is one login of a person. System is "slack" or a connection's name.
type Account struct {
	bun.BaseModel `bun:"table:account,alias:a"`

	ID           AccountID `bun:"id,pk,autoincrement"`
	PersonID     PersonID  `bun:"person_id,nullzero"` // zero: not linked to anybody
	System       string    `bun:"system"`
	Team         string    `bun:"team"`        // Slack's team, "" elsewhere
	ExternalID   string    `bun:"external_id"` // U0ALICE
	Email        string    `bun:"email,nullzero"`
	Name         string    `bun:"name"`
	IsBot        bool      `bun:"is_bot"`
	IsGuest      bool      `bun:"is_guest"`
	IsOutsider   bool      `bun:"is_outsider"` // of another workspace, through a shared channel
	IsDeleted    bool      `bun:"is_deleted"`
	IsService    bool      `bun:"is_service"`          // not a human's, at a connected system
	DMChannel    string    `bun:"dm_channel,nullzero"` // where the bot talks to this account
	HomeOpenedAt time.Time `bun:"home_opened_at,nullzero"`
	RefreshedAt  time.Time `bun:"refreshed_at"`

	PersonLeft bool `bun:"-"` // the person's fence is up; set by AccountOf
}

// SystemSlack is the Account.System of Slack logins.
const SystemSlack = "slack"

// SaveAccount inserts or refreshes an account and links it to its person: by
// owner, the e-mail of a `people` entry, if given; else, the first time, by
// unique e-mail. After that the account keeps its person: an address can be
// changed in Slack, and somebody with a new one must not be somebody new.
// Outsiders and bots are never linked. It returns the stored row.
func (t Tx) SaveAccount(ctx context.Context, a Account, owner string) (Account, error) {
	a.Email = strings.ToLower(a.Email)
	person, err := t.personFor(ctx, a, strings.ToLower(owner))
	if err != nil {
		return a, err
	}
	err = t.queryRow(ctx, `
		INSERT INTO account (person_id, system, team, external_id, email, name, is_bot, is_guest, is_outsider, is_deleted, refreshed_at, deleted_at)
		VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10, clock_timestamp(), NULL)
		ON CONFLICT (system, team, external_id) DO UPDATE
		SET person_id = excluded.person_id, email = excluded.email, name = excluded.name, is_bot = excluded.is_bot,
		    is_guest = excluded.is_guest, is_outsider = excluded.is_outsider, is_deleted = excluded.is_deleted,
		    refreshed_at = excluded.refreshed_at, deleted_at = CASE WHEN NOT excluded.is_deleted THEN NULL WHEN account.is_deleted THEN account.deleted_at ELSE latchkey_now() END
		RETURNING id, coalesce(person_id, 0), coalesce(dm_channel, ''), refreshed_at`,
		[]any{person, a.System, a.Team, a.ExternalID, a.Email, a.Name, a.IsBot, a.IsGuest, a.IsOutsider, a.IsDeleted},
		&a.ID, &a.PersonID, &a.DMChannel, &a.RefreshedAt)
	if err != nil {
		return a, fmt.Errorf("save account: %w", err)
	}
	return a, nil
}

// personFor says whose an account is; nil for nobody's.
func (t Tx) personFor(ctx context.Context, a Account, owner string) (any, error) {
	if a.IsBot || a.IsOutsider {
		return nil, nil
	}
	var was PersonID
	err := t.queryRow(ctx, `SELECT coalesce(person_id, 0) FROM account WHERE system = $1 AND team = $2 AND external_id = $3`,
		[]any{a.System, a.Team, a.ExternalID}, &was)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("find account: %w", err)
	}
	link := owner
	if link == "" {
		link = a.Email
	}
	if link == "" || (was != 0 && owner == "") {
		if was == 0 {
			return nil, nil
		}
		return was, nil
	}
	now, err := t.personByEmail(ctx, link, a.Name)
	if err != nil || was == 0 || was == now {
		return now, err
	}
	return now, t.Record(ctx, System("directory"), Event{Action: "account.relinked", Subject: SubjectPerson, SubjectID: int64(now),
		Before: fmt.Sprint(was), After: fmt.Sprint(now), Reason: "the configuration says whose account " + a.ExternalID + " is"})
}

// personByEmail finds or makes the person of an e-mail address.
func (t Tx) personByEmail(ctx context.Context, email, name string) (PersonID, error) {
	var id PersonID
	err := t.queryRow(ctx, `
		INSERT INTO person (email, name) VALUES ($1, $2)
		ON CONFLICT (email) DO UPDATE SET updated_at = person.updated_at
		RETURNING id`, []any{email, name}, &id)
	if err != nil {
		return 0, fmt.Errorf("find person by e-mail: %w", err)
	}
	return id, nil
}

// AccountOf reads one account and how long ago it was read from its system,
// by the real clock; ErrNotFound if it was never seen. Every interaction
// begins with it, so it is a prepared statement.
func (db *DB) AccountOf(ctx context.Context, system, team, externalID string) (Account, time.Duration, error) {
	a := Account{System: system, Team: team, ExternalID: externalID}
	var seconds float64
	err := db.pool.QueryRow(ctx, `
		SELECT id, coalesce(person_id, 0), coalesce(email, ''), name, is_bot, is_guest, is_outsider, is_deleted, coalesce(dm_channel, ''),
		       coalesce(home_opened_at, '0001-01-01'), refreshed_at, extract(epoch FROM clock_timestamp() - refreshed_at)::float8,
		       EXISTS (SELECT FROM person p WHERE p.id = person_id AND NOT p.active)
		FROM account WHERE system = $1 AND team = $2 AND external_id = $3`, pgx.QueryExecModeCacheStatement, system, team, externalID).
		Scan(&a.ID, &a.PersonID, &a.Email, &a.Name, &a.IsBot, &a.IsGuest, &a.IsOutsider, &a.IsDeleted, &a.DMChannel, &a.HomeOpenedAt, &a.RefreshedAt, &seconds, &a.PersonLeft)
	return a, time.Duration(seconds * float64(time.Second)), wrap("read account", notFound(err))
}

// PersonsOf maps accounts that were seen before to their persons, zero for
// unlinked ones; strangers are absent.
func (db *DB) PersonsOf(ctx context.Context, system, team string, externalIDs []string) (map[string]PersonID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT external_id, coalesce(person_id, 0) FROM account WHERE system = $1 AND team = $2 AND external_id = ANY($3)`, system, team, externalIDs)
	if err != nil {
		return nil, wrap("read persons of accounts", err)
	}
	out := map[string]PersonID{}
	var id string
	var person PersonID
	_, err = pgx.ForEachRow(rows, []any{&id, &person}, func() error { out[id] = person; return nil })
	return out, wrap("read persons of accounts", err)
}

// SlackAccounts lists the usable Slack accounts of a person: not deleted, not
// an outsider's, oldest first.
func (db *DB) SlackAccounts(ctx context.Context, ids ...PersonID) ([]Account, error) {
	var out []Account
	if len(ids) == 0 {
		return nil, nil
	}
	err := db.bun.NewSelect().Model(&out).
		Where("system = ? AND person_id IN (?) AND NOT is_deleted AND NOT is_outsider", SystemSlack, bun.List(ids)).
		Order("id").Scan(ctx)
	return out, bunErr("read accounts", err)
}

// SetDMChannel remembers where the bot talks to an account.
func (db *DB) SetDMChannel(ctx context.Context, id AccountID, channel string) error {
	_, err := db.pool.Exec(ctx, `UPDATE account SET dm_channel = $2 WHERE id = $1`, id, channel)
	return wrap("store dm channel", err)
}

// SetHomeOpened remembers that an account looks at App Home, so that only
// such homes are kept fresh.
func (db *DB) SetHomeOpened(ctx context.Context, id AccountID) error {
	_, err := db.pool.Exec(ctx, `UPDATE account SET home_opened_at = latchkey_now() WHERE id = $1`, id)
	return wrap("store home opened", err)
}

// People reads persons by ID.
func (db *DB) People(ctx context.Context, ids ...PersonID) (map[PersonID]Person, error) {
	out := map[PersonID]Person{}
	if len(ids) == 0 {
		return out, nil
	}
	var rows []Person
	if err := db.bun.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, bunErr("read people", err)
	}
	for _, p := range rows {
		out[p.ID] = p
	}
	return out, nil
}

// SetActive raises or lowers a person's fence. The gateway hears of it at
// commit.
func (t Tx) SetActive(ctx context.Context, id PersonID, active bool) error {
	n, err := t.exec(ctx, `UPDATE person SET active = $2, updated_at = latchkey_now() WHERE id = $1`, id, active)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return wrap("set person active", err)
}

// A Standing is what eligibility asks about a person right now.
type Standing struct {
	PersonID PersonID
	Email    string
	Name     string
	Active   bool // the person is active and has a usable account: not deleted, guest, bot or outsider
}

const standingQuery = `
	SELECT p.id, coalesce(p.email, ''), p.name,
	       p.active AND EXISTS (
	           SELECT FROM account a
	           WHERE a.person_id = p.id AND a.system = 'slack'
	             AND NOT (a.is_deleted OR a.is_guest OR a.is_bot OR a.is_outsider))
	FROM person p`

// Standings reads persons' standing; nil ids means everybody's.
func (t Tx) Standings(ctx context.Context, ids []PersonID) (map[PersonID]Standing, error) {
	query, args := standingQuery, []any(nil)
	if ids != nil {
		query, args = standingQuery+` WHERE p.id = ANY($1)`, []any{ids}
	}
	out := map[PersonID]Standing{}
	var s Standing
	err := t.each(ctx, query, args, []any{&s.PersonID, &s.Email, &s.Name, &s.Active}, func() { out[s.PersonID] = s })
	return out, wrap("read standings", err)
}

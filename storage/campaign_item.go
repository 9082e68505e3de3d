package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// CampaignDecision is what was decided about one credential of a campaign.
type CampaignDecision string

// The decisions. The last two are nobody's.
const (
	CampaignOpen    CampaignDecision = ""
	CampaignKeep    CampaignDecision = "keep"    // it is needed as it is
	CampaignReduce  CampaignDecision = "reduce"  // it is needed, and fewer scopes do
	CampaignRevoke  CampaignDecision = "revoke"  // it is not needed any more
	CampaignSilence CampaignDecision = "silence" // nobody said anything until the deadline
	CampaignGone    CampaignDecision = "gone"    // it ended otherwise
)

// CampaignItem is one credential of a campaign.
type CampaignItem struct {
	CampaignID   CampaignID
	CredentialID CredentialID
	Deciders     []PersonID // who is asked: any one of them decides
	Decision     CampaignDecision
	DecidedBy    PersonID // zero: nobody
	DecidedAt    time.Time
	Reason       string
	ScopesBefore []string
	ScopesAfter  []string // nil: as before
}

// InsertCampaignItems puts credentials into a campaign, each with who is asked and its
// scopes as they are.
func (t Tx) InsertCampaignItems(ctx context.Context, id CampaignID, items []CampaignItem) error {
	ids, deciders := itemArrays(items)
	_, err := t.exec(ctx, `
		INSERT INTO campaign_item (campaign_id, credential_id, deciders, scopes_before)
		SELECT $1, c.id, i.deciders::bigint[], c.scopes
		FROM unnest($2::bigint[], $3::text[]) AS i (id, deciders) JOIN credential c ON c.id = i.id`, id, ids, deciders)
	return wrap("insert campaign items", err)
}

// Reassign asks other people about undecided credentials. Whoever was or is
// asked about them has a message to be brought up to date.
func (t Tx) Reassign(ctx context.Context, id CampaignID, items []CampaignItem) error {
	ids, deciders := itemArrays(items)
	var before, after []PersonID
	var p PersonID
	err := t.each(ctx, `
		WITH was AS (SELECT credential_id, deciders FROM campaign_item WHERE campaign_id = $1 AND credential_id = ANY($2)),
		moved AS (
			UPDATE campaign_item c SET deciders = i.deciders::bigint[]
			FROM unnest($2::bigint[], $3::text[]) AS i (id, deciders)
			WHERE c.campaign_id = $1 AND c.credential_id = i.id AND c.decision = ''
			RETURNING c.credential_id
		)
		SELECT DISTINCT unnest(was.deciders) FROM was JOIN moved USING (credential_id)`, []any{id, ids, deciders}, []any{&p},
		func() { before = append(before, p) })
	if err != nil {
		return wrap("ask others", err)
	}
	for _, it := range items {
		after = append(after, it.Deciders...)
	}
	if err := t.AddAsks(ctx, id); err != nil {
		return err
	}
	return t.TouchAsks(ctx, id, append(before, after...))
}

// itemArrays writes items for unnest, in which an array can't hold arrays.
func itemArrays(items []CampaignItem) (ids []CredentialID, deciders []string) {
	ids, deciders = make([]CredentialID, len(items)), make([]string, len(items))
	for i, it := range items {
		people := make([]string, len(it.Deciders))
		for j, p := range it.Deciders {
			people[j] = fmt.Sprint(int64(p))
		}
		ids[i], deciders[i] = it.CredentialID, "{"+strings.Join(people, ",")+"}"
	}
	return ids, deciders
}

// CampaignOpenItem is an undecided item with whose it is now. Of its credential only
// the key, the owner and the system are read.
type CampaignOpenItem struct {
	CampaignItem
	Credential Credential
}

// CampaignOpenItems reads what is undecided and alive.
func (t Tx) CampaignOpenItems(ctx context.Context, id CampaignID) ([]CampaignOpenItem, error) {
	var out []CampaignOpenItem
	o := CampaignOpenItem{CampaignItem: CampaignItem{CampaignID: id}}
	err := t.each(ctx, `
		SELECT c.id, coalesce(c.owner_id, 0), c.connection, i.deciders
		FROM campaign_item i JOIN credential c ON c.id = i.credential_id
		WHERE i.campaign_id = $1 AND i.decision = '' AND c.state IN ('active', 'suspended') ORDER BY c.id`,
		[]any{id}, []any{&o.CredentialID, &o.Credential.OwnerID, &o.Credential.Connection, &o.Deciders}, func() {
			o.Credential.ID = o.CredentialID
			out = append(out, o)
			o.Deciders = nil // scanned into anew
		})
	return out, wrap("read open items", err)
}

// LiveKeys reads which credentials of a connection, or of all for "", work or
// are suspended: only their keys, owners and systems.
func (t Tx) LiveKeys(ctx context.Context, connection string) ([]Credential, error) {
	var out []Credential
	var c Credential
	err := t.each(ctx, `
		SELECT id, coalesce(owner_id, 0), connection FROM credential
		WHERE state IN ('active', 'suspended') AND ($1 = '' OR connection = $1) ORDER BY id`, []any{connection},
		[]any{&c.ID, &c.OwnerID, &c.Connection}, func() { out = append(out, c) })
	return out, wrap("list live keys", err)
}

const campaignItemColumns = `i.campaign_id, i.credential_id, i.deciders, i.decision, coalesce(i.decided_by, 0), coalesce(i.decided_at, '0001-01-01'), i.reason,
	i.scopes_before, i.scopes_after`

func (i *CampaignItem) dest() []any {
	return []any{&i.CampaignID, &i.CredentialID, &i.Deciders, &i.Decision, &i.DecidedBy, &i.DecidedAt, &i.Reason, &i.ScopesBefore, &i.ScopesAfter}
}

// LockCampaignItem reads one item and holds it until the transaction ends.
func (t Tx) LockCampaignItem(ctx context.Context, id CampaignID, key CredentialID) (CampaignItem, error) {
	var i CampaignItem
	err := t.queryRow(ctx, `SELECT `+campaignItemColumns+` FROM campaign_item i WHERE campaign_id = $1 AND credential_id = $2 FOR UPDATE`, []any{id, key}, i.dest()...)
	return i, wrap("lock campaign item", err)
}

// SetDecision writes what was decided about an item that is locked, and has
// the messages of everybody who is asked brought up to date.
func (t Tx) SetDecision(ctx context.Context, i *CampaignItem) error {
	err := t.queryRow(ctx, `
		UPDATE campaign_item SET decision = $3, decided_by = nullif($4, 0), decided_at = latchkey_now(), reason = $5, scopes_after = $6
		WHERE campaign_id = $1 AND credential_id = $2 RETURNING decided_at`,
		[]any{i.CampaignID, i.CredentialID, i.Decision, i.DecidedBy, i.Reason, i.ScopesAfter}, &i.DecidedAt)
	if err != nil {
		return wrap("decide on campaign item", err)
	}
	return t.TouchAsks(ctx, i.CampaignID, i.Deciders)
}

// RestoreScopes gives a credential back what a campaign took, with its audit
// row.
func (t Tx) RestoreScopes(ctx context.Context, c *Credential, scopes []string, access string, by Actor, reason string) error {
	_, err := t.exec(ctx, `UPDATE credential SET scopes = $2, access = $3 WHERE id = $1`, c.ID, scopes, access)
	if err != nil {
		return wrap("restore scopes", err)
	}
	before := c.Scopes
	c.Scopes, c.Access = scopes, access
	return t.Record(ctx, by, Event{Action: "credential.scopes_restored", Subject: SubjectCredential, SubjectID: int64(c.ID), Before: fmt.Sprint(before),
		After: fmt.Sprint(scopes), Reason: reason})
}

// MarkGone notes which undecided credentials ended otherwise, and has the
// messages of whoever was asked brought up to date. It returns how many.
func (t Tx) MarkGone(ctx context.Context, id CampaignID) (int, error) {
	var n int
	var deciders, people []PersonID
	err := t.each(ctx, `
		UPDATE campaign_item i SET decision = 'gone', decided_at = latchkey_now(), reason = replace(c.state, '_', ' ')
		FROM credential c
		WHERE i.campaign_id = $1 AND i.decision = '' AND c.id = i.credential_id AND c.state NOT IN ('active', 'suspended')
		RETURNING i.deciders`, []any{id}, []any{&deciders}, func() {
		n++
		people = append(people, deciders...)
		deciders = nil // scanned into anew
	})
	if err != nil || n == 0 {
		return n, wrap("note what is gone", err)
	}
	return n, t.TouchAsks(ctx, id, people)
}

// MarkSilent notes what nobody decided on, and returns it.
func (t Tx) MarkSilent(ctx context.Context, id CampaignID, reason string) ([]CredentialID, error) {
	var out []CredentialID
	var key CredentialID
	err := t.each(ctx, `
		UPDATE campaign_item SET decision = 'silence', decided_at = latchkey_now(), reason = $2
		WHERE campaign_id = $1 AND decision = '' RETURNING credential_id`, []any{id, reason}, []any{&key}, func() { out = append(out, key) })
	return out, wrap("note silence", err)
}

// CountCampaignLive counts the credentials of a campaign that are not being
// ended.
func (t Tx) CountCampaignLive(ctx context.Context, id CampaignID) (int, error) {
	var n int
	err := t.queryRow(ctx, `
		SELECT count(*) FROM campaign_item i JOIN credential c ON c.id = i.credential_id
		WHERE i.campaign_id = $1 AND c.state IN ('active', 'suspended')`, []any{id}, &n)
	return n, wrap("count live keys of campaign", err)
}

// StillSilent tells whether nobody decided on a credential of a campaign's
// batch since.
func (t Tx) StillSilent(ctx context.Context, batch BatchID, key CredentialID) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `
		SELECT EXISTS (SELECT FROM campaign_item i JOIN campaign c ON c.id = i.campaign_id
		               WHERE c.batch_id = $1 AND i.credential_id = $2 AND i.decision = 'silence')`, []any{batch, key}, &yes)
	return yes, wrap("judge silence", err)
}

// CampaignSettled tells whether nothing of a campaign is under way any more:
// its batch is over, and no system has yet to answer.
func (t Tx) CampaignSettled(ctx context.Context, c Campaign) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `
		SELECT NOT EXISTS (SELECT FROM batch WHERE id = $2 AND state IN ('held', 'running'))
		   AND NOT EXISTS (SELECT FROM campaign_item i JOIN credential c ON c.id = i.credential_id WHERE i.campaign_id = $1 AND c.state = 'revoking')`,
		[]any{c.ID, c.BatchID}, &yes)
	return yes, wrap("judge campaign", err)
}

// openCondition is what can still be decided on: also what was silent until
// the deadline, as long as its credential lives.
const openCondition = `(i.decision IN ('', 'silence') AND c.state IN ('active', 'suspended'))`

// CampaignItemFilter narrows CampaignItems; the zero value means all of them.
type CampaignItemFilter struct {
	PersonID PersonID // asked about it
	Open     bool     // undecided, also after the deadline as long as the credential lives
	IDs      []CredentialID
	After    CredentialID
	Offset   int
	Limit    int // zero means 50
}

// CampaignItems lists items by credential.
func (db *DB) CampaignItems(ctx context.Context, id CampaignID, f CampaignItemFilter) ([]CampaignItem, error) {
	if f.Limit == 0 {
		f.Limit = 50
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+campaignItemColumns+`
		FROM campaign_item i JOIN credential c ON c.id = i.credential_id
		WHERE i.campaign_id = $1 AND ($2 = 0 OR i.deciders @> ARRAY[$2::bigint]) AND ($3::bigint[] IS NULL OR i.credential_id = ANY($3))
		  AND i.credential_id > $4 AND (NOT $5 OR `+openCondition+`)
		ORDER BY i.credential_id OFFSET $6 LIMIT $7`, pgx.QueryExecModeCacheStatement, id, f.PersonID, f.IDs, f.After, f.Open, f.Offset, f.Limit)
	if err != nil {
		return nil, wrap("list campaign items", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (CampaignItem, error) {
		var i CampaignItem
		return i, row.Scan(i.dest()...)
	})
	return out, wrap("list campaign items", err)
}

package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// CampaignID is never shown.
type CampaignID int64

// CampaignState is where a campaign stands. The moves between states are
// workflow's.
type CampaignState string

// The states of a campaign. Done and canceled are for ever.
const (
	CampaignRunning  CampaignState = "running"  // people decide
	CampaignEnding   CampaignState = "ending"   // its deadline is over, and what nobody decided on is ended
	CampaignDone     CampaignState = "done"     // its evidence is written
	CampaignCanceled CampaignState = "canceled" // an admin called it off
)

// Campaign asks everybody of what they hold whether it is still needed.
type Campaign struct {
	ID           CampaignID
	Title        string
	Connection   string // empty: every one
	State        CampaignState
	Actor        Actor // the admin who began it
	Deadline     time.Time
	NextActionAt time.Time // when the sweep must look at it; zero: never
	Reminders    int       // sent so far
	RemindedAt   time.Time // the last of them
	BatchID      BatchID   // ends what nobody decided on; zero for none
	SourceKey    string    // makes starting it again harmless
	CreatedAt    time.Time
	EndedAt      time.Time
	Evidence     string // SHA-256 of the evidence file, in hex; empty before it is done
}

// UnderWay reports whether people may still have a say.
func (c Campaign) UnderWay() bool { return c.State == CampaignRunning || c.State == CampaignEnding }

const campaignColumns = `id, title, connection, state, actor_id, account_id, actor, deadline, coalesce(next_action_at, '0001-01-01'), reminders,
	coalesce(reminded_at, '0001-01-01'), coalesce(batch_id, 0), source_key, created_at, coalesce(ended_at, '0001-01-01'), evidence`

func (c *Campaign) dest() []any {
	return []any{&c.ID, &c.Title, &c.Connection, &c.State, &c.Actor.PersonID, &c.Actor.AccountID, &c.Actor.Name, &c.Deadline, &c.NextActionAt, &c.Reminders,
		&c.RemindedAt, &c.BatchID, &c.SourceKey, &c.CreatedAt, &c.EndedAt, &c.Evidence}
}

// InsertCampaign begins a campaign, with its audit row. ErrDuplicate when its
// SourceKey is there already, and c then has that one's ID; ErrConflict while
// another one is under way.
func (t Tx) InsertCampaign(ctx context.Context, c *Campaign) error {
	err := t.queryRow(ctx, `
		INSERT INTO campaign (title, connection, state, actor_id, account_id, actor, deadline, next_action_at, source_key, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT DO NOTHING RETURNING id`,
		[]any{c.Title, c.Connection, c.State, c.Actor.PersonID, c.Actor.AccountID, c.Actor.Name, c.Deadline, nullTime(c.NextActionAt), c.SourceKey, c.CreatedAt},
		&c.ID)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		err := t.queryRow(ctx, `SELECT id FROM campaign WHERE source_key = $1`, []any{c.SourceKey}, &c.ID)
		if err == ErrNotFound { //nolint:errorlint // likewise
			return ErrConflict
		}
		if err != nil {
			return wrap("read campaign", err)
		}
		return ErrDuplicate
	}
	if err != nil {
		return wrap("insert campaign", err)
	}
	return t.Record(ctx, c.Actor, Event{Action: "campaign." + string(c.State), Subject: SubjectCampaign, SubjectID: int64(c.ID), After: string(c.State), Reason: c.Title})
}

// MoveCampaign takes a campaign from the state in c to another, writes its
// batch, its evidence and when to look again as they stand in c, adds the
// audit row, and updates c. ErrConflict when it is not in that state.
func (t Tx) MoveCampaign(ctx context.Context, c *Campaign, to CampaignState, by Actor, reason string) error {
	n, err := t.exec(ctx, `
		UPDATE campaign
		SET state = $3, next_action_at = $4, batch_id = nullif($5, 0), evidence = $6,
		    ended_at = CASE WHEN $3 IN ('done', 'canceled') THEN latchkey_now() END
		WHERE id = $1 AND state = $2`, c.ID, c.State, to, nullTime(c.NextActionAt), c.BatchID, c.Evidence)
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("move campaign", err)
	}
	before := c.State
	c.State = to
	return t.Record(ctx, by, Event{Action: "campaign." + string(to), Subject: SubjectCampaign, SubjectID: int64(c.ID), Before: string(before), After: string(to), Reason: reason})
}

// LockCampaign reads a campaign and holds it until the transaction ends:
// campaigns are locked before requests, credentials and items.
func (t Tx) LockCampaign(ctx context.Context, id CampaignID) (Campaign, error) {
	var c Campaign
	err := t.queryRow(ctx, `SELECT `+campaignColumns+` FROM campaign WHERE id = $1 FOR UPDATE`, []any{id}, c.dest()...)
	return c, wrap("lock campaign", err)
}

// ShareCampaign is LockCampaign for what may happen side by side: nobody moves
// the campaign meanwhile.
func (t Tx) ShareCampaign(ctx context.Context, id CampaignID) (Campaign, error) {
	var c Campaign
	err := t.queryRow(ctx, `SELECT `+campaignColumns+` FROM campaign WHERE id = $1 FOR SHARE`, []any{id}, c.dest()...)
	return c, wrap("lock campaign", err)
}

// CampaignsDue locks campaigns the sweep must look at, and skips what another
// replica holds.
func (t Tx) CampaignsDue(ctx context.Context, limit int) ([]Campaign, error) {
	var out []Campaign
	var c Campaign
	err := t.each(ctx, `
		SELECT `+campaignColumns+` FROM campaign WHERE next_action_at <= latchkey_now()
		ORDER BY next_action_at LIMIT $1 FOR UPDATE SKIP LOCKED`, []any{limit}, c.dest(), func() { out = append(out, c) })
	return out, wrap("find due campaigns", err)
}

// PlanCampaign says when the sweep must look at a campaign again.
func (t Tx) PlanCampaign(ctx context.Context, id CampaignID, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE campaign SET next_action_at = $2 WHERE id = $1`, id, nullTime(at))
	return wrap("plan campaign", err)
}

// Remind has everybody with something left to decide on reminded, with an
// audit row. It returns how many people that are.
func (t Tx) Remind(ctx context.Context, c *Campaign, by Actor) (int64, error) {
	err := t.queryRow(ctx, `UPDATE campaign SET reminders = reminders + 1, reminded_at = latchkey_now() WHERE id = $1 RETURNING reminders, reminded_at`,
		[]any{c.ID}, &c.Reminders, &c.RemindedAt)
	if err != nil {
		return 0, wrap("count reminder", err)
	}
	n, err := t.exec(ctx, `
		UPDATE campaign_ask a SET reminder = $2, version = version + 1
		WHERE campaign_id = $1 AND EXISTS (
		    SELECT FROM campaign_item i WHERE i.campaign_id = $1 AND i.deciders @> ARRAY[a.person_id] AND i.decision = '')`, c.ID, c.Reminders)
	if err != nil {
		return 0, wrap("remind people", err)
	}
	return n, t.Record(ctx, by, Event{Action: "campaign.reminded", Subject: SubjectCampaign, SubjectID: int64(c.ID)})
}

// Campaign reads one campaign.
func (db *DB) Campaign(ctx context.Context, id CampaignID) (Campaign, error) {
	var c Campaign
	err := db.pool.QueryRow(ctx, `SELECT `+campaignColumns+` FROM campaign WHERE id = $1`, pgx.QueryExecModeCacheStatement, id).Scan(c.dest()...)
	return c, wrap("read campaign", notFound(err))
}

// Campaigns lists the latest campaigns, newest first.
func (db *DB) Campaigns(ctx context.Context, limit int) ([]Campaign, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+campaignColumns+` FROM campaign ORDER BY id DESC LIMIT $1`, pgx.QueryExecModeCacheStatement, limit)
	if err != nil {
		return nil, wrap("list campaigns", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Campaign, error) {
		var c Campaign
		return c, row.Scan(c.dest()...)
	})
	return out, wrap("list campaigns", err)
}

package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// CampaignAsk is one person's part in a campaign: the message that asks them,
// and how far it is behind what there is to show.
type CampaignAsk struct {
	CampaignID CampaignID
	PersonID   PersonID
	Reminder   int   // the last one they get; zero: none yet
	Version    int64 // of what there is to show
}

// AddAsks notes everybody who is asked about something that is undecided.
// Those who are noted already keep their place.
func (t Tx) AddAsks(ctx context.Context, id CampaignID) error {
	_, err := t.exec(ctx, `
		INSERT INTO campaign_ask (campaign_id, person_id)
		SELECT DISTINCT $1::bigint, d.person FROM campaign_item i, unnest(i.deciders) AS d (person)
		WHERE i.campaign_id = $1 AND i.decision = '' ORDER BY d.person
		ON CONFLICT DO NOTHING`, id)
	return wrap("note who is asked", err)
}

// TouchAsks has people's messages brought up to date; nil means everybody's.
func (t Tx) TouchAsks(ctx context.Context, id CampaignID, people []PersonID) error {
	_, err := t.exec(ctx, `
		UPDATE campaign_ask SET version = version + 1
		WHERE (campaign_id, person_id) IN (
		    SELECT campaign_id, person_id FROM campaign_ask
		    WHERE campaign_id = $1 AND ($2::bigint[] IS NULL OR person_id = ANY($2)) ORDER BY person_id FOR UPDATE)`, id, people)
	return wrap("touch who is asked", err)
}

// ClaimAsk takes the right to bring one person's message up to date; false
// when there is none that nobody has. A claim ends by itself, so that a crash
// is taken up.
func (db *DB) ClaimAsk(ctx context.Context, id CampaignID, hold time.Duration) (CampaignAsk, bool, error) {
	a := CampaignAsk{CampaignID: id}
	err := db.pool.QueryRow(ctx, `
		UPDATE campaign_ask SET claimed_until = clock_timestamp() + $2
		WHERE (campaign_id, person_id) IN (
		    SELECT campaign_id, person_id FROM campaign_ask
		    WHERE campaign_id = $1 AND shown < version AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
		    ORDER BY person_id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING person_id, reminder, version`, pgx.QueryExecModeCacheStatement, id, hold).Scan(&a.PersonID, &a.Reminder, &a.Version)
	if notFound(err) == ErrNotFound { //nolint:errorlint // notFound returns the sentinel itself
		return a, false, nil
	}
	return a, err == nil, wrap("claim who is asked", err)
}

// ReleaseAsk gives a claim back; shown tells that the message is as it was to
// be when it was claimed.
func (db *DB) ReleaseAsk(ctx context.Context, a CampaignAsk, shown bool) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE campaign_ask SET claimed_until = NULL, shown = CASE WHEN $4 THEN greatest(shown, $3) ELSE shown END
		WHERE campaign_id = $1 AND person_id = $2`, pgx.QueryExecModeCacheStatement, a.CampaignID, a.PersonID, a.Version, shown)
	return wrap("release who is asked", err)
}

// AsksBehind tells whether somebody's message is still behind.
func (db *DB) AsksBehind(ctx context.Context, id CampaignID) (bool, error) {
	var yes bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM campaign_ask WHERE campaign_id = $1 AND shown < version)`, pgx.QueryExecModeCacheStatement, id).Scan(&yes)
	return yes, wrap("find who is behind", err)
}

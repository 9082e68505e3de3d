package storage

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
)

// CampaignCounts counts a campaign's items by what was decided.
func (db *DB) CampaignCounts(ctx context.Context, id CampaignID, person PersonID) (map[CampaignDecision]int, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT decision, count(*) FROM campaign_item
		WHERE campaign_id = $1 AND ($2 = 0 OR deciders @> ARRAY[$2::bigint]) GROUP BY decision`, pgx.QueryExecModeCacheStatement, id, person)
	if err != nil {
		return nil, wrap("count campaign", err)
	}
	out := map[CampaignDecision]int{}
	var d CampaignDecision
	var n int
	_, err = pgx.ForEachRow(rows, []any{&d, &n}, func() error { out[d] = n; return nil })
	return out, wrap("count campaign", err)
}

// CampaignPart is how far one person is with what they are asked.
type CampaignPart struct {
	PersonID PersonID
	Items    int
	Open     int
}

// CampaignParts lists everybody who is asked, those with the most left to
// decide on first.
func (db *DB) CampaignParts(ctx context.Context, id CampaignID) ([]CampaignPart, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT d.person, count(*), count(*) FILTER (WHERE i.decision = '')
		FROM campaign_item i, unnest(i.deciders) AS d (person) WHERE i.campaign_id = $1
		GROUP BY d.person ORDER BY 3 DESC, 2 DESC, 1`, pgx.QueryExecModeCacheStatement, id)
	if err != nil {
		return nil, wrap("count who is asked", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CampaignPart])
	return out, wrap("count who is asked", err)
}

// SetRecords writes lines of the evidence file, cell by cell.
func (t Tx) SetRecords(ctx context.Context, id CampaignID, keys []CredentialID, lines [][]string) error {
	texts := make([]string, len(lines))
	for i, l := range lines {
		b, err := json.Marshal(l)
		if err != nil {
			return wrap("encode evidence", err)
		}
		texts[i] = string(b)
	}
	_, err := t.exec(ctx, `
		UPDATE campaign_item i SET record = n.record::jsonb
		FROM unnest($2::bigint[], $3::text[]) AS n (id, record)
		WHERE i.campaign_id = $1 AND i.credential_id = n.id`, id, keys, texts)
	return wrap("write evidence", err)
}

// CampaignRecords reads lines of the evidence file by credential, a page at a
// time, and the last credential of the page.
func (db *DB) CampaignRecords(ctx context.Context, id CampaignID, after CredentialID, limit int) (lines [][]string, last CredentialID, err error) {
	rows, err := db.pool.Query(ctx, `
		SELECT credential_id, record FROM campaign_item WHERE campaign_id = $1 AND credential_id > $2 AND record IS NOT NULL
		ORDER BY credential_id LIMIT $3`, pgx.QueryExecModeCacheStatement, id, after, limit)
	if err != nil {
		return nil, 0, wrap("read evidence", err)
	}
	var line []string
	_, err = pgx.ForEachRow(rows, []any{&last, &line}, func() error {
		lines = append(lines, line)
		line = nil // scanned into anew
		return nil
	})
	return lines, last, wrap("read evidence", err)
}

// CountUnasked counts undecided items of a campaign about which nobody is
// asked.
func (db *DB) CountUnasked(ctx context.Context, id CampaignID) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM campaign_item WHERE campaign_id = $1 AND decision = '' AND deciders = '{}'`, pgx.QueryExecModeCacheStatement, id).Scan(&n)
	return n, wrap("count who is asked", err)
}

// CountOpen counts what waits for a person's decision, or for anybody's: also
// after the deadline as long as the credential lives.
func (db *DB) CountOpen(ctx context.Context, id CampaignID, person PersonID) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `
		SELECT count(*) FROM campaign_item i JOIN credential c ON c.id = i.credential_id
		WHERE i.campaign_id = $1 AND ($2 = 0 OR i.deciders @> ARRAY[$2::bigint]) AND `+openCondition, id, person).Scan(&n)
	return n, wrap("count what waits", err)
}

// OpenPlaces finds where in a person's items, or in everybody's, something
// waits for a decision: the first place from one on, or else the first of all.
func (db *DB) OpenPlaces(ctx context.Context, id CampaignID, person PersonID, from int) ([]int, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT place FROM (
		    SELECT (row_number() OVER (ORDER BY i.credential_id) - 1)::integer AS place, `+openCondition+` AS open
		    FROM campaign_item i JOIN credential c ON c.id = i.credential_id
		    WHERE i.campaign_id = $1 AND ($2 = 0 OR i.deciders @> ARRAY[$2::bigint])) o
		WHERE open ORDER BY place < $3, place LIMIT 1`, pgx.QueryExecModeCacheStatement, id, person, from)
	if err != nil {
		return nil, wrap("find what waits", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[int])
	return out, wrap("find what waits", err)
}

// LastReceipts reads, for many credentials, the latest receipt of a verb.
func (db *DB) LastReceipts(ctx context.Context, ids []CredentialID, verb string) (map[CredentialID]Receipt, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT ON (credential_id) credential_id, at, verb, answer, liveness, attempts FROM receipt
		WHERE credential_id = ANY($1) AND verb = $2 ORDER BY credential_id, id DESC`, pgx.QueryExecModeCacheStatement, ids, verb)
	if err != nil {
		return nil, wrap("read receipts", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Receipt])
	out := map[CredentialID]Receipt{}
	for _, r := range all {
		out[r.CredentialID] = r
	}
	return out, wrap("read receipts", err)
}

// CountItemsBefore counts a person's items, or everybody's, before a
// credential's.
func (db *DB) CountItemsBefore(ctx context.Context, id CampaignID, person PersonID, key CredentialID) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `
		SELECT count(*) FROM campaign_item i
		WHERE i.campaign_id = $1 AND ($2 = 0 OR i.deciders @> ARRAY[$2::bigint]) AND i.credential_id < $3`, pgx.QueryExecModeCacheStatement, id, person, key).Scan(&n)
	return n, wrap("find key in campaign", err)
}

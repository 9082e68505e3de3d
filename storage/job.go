package storage

import "context"

// JobWaits tells whether a job of a kind about the row of a key is in its
// queue and not begun.
func (t Tx) JobWaits(ctx context.Context, kind string, id int64) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM river_job
			WHERE args @> jsonb_build_object('id', $2::bigint) AND kind = $1 AND state IN ('available', 'scheduled', 'retryable', 'pending'))`,
		[]any{kind, id}, &yes)
	return yes, wrap("look for a waiting job", err)
}

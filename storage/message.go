package storage

import (
	"context"
	"time"
)

// Message is one thing we posted in Slack about a subject, so that it can be
// found and corrected. Channel and TS are empty until the post's answer is
// stored.
type Message struct {
	ID        int64
	Subject   string
	SubjectID int64
	Purpose   string // "card", "status", "thread:vote:12"
	Recipient string // channel or user it is for
	Channel   string
	TS        string
	Digest    string // of what it shows
}

// ClaimMessage takes the right to post a message, or reports the one that is
// posted. A claim ends by itself, so that a crash between post and note is
// taken up; again is then true and the caller looks in Slack before posting.
func (db *DB) ClaimMessage(ctx context.Context, m *Message, hold time.Duration) (mine, again bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO message (subject, subject_id, purpose, recipient, claimed_until)
		VALUES ($1, $2, $3, $4, clock_timestamp() + $5) ON CONFLICT DO NOTHING`,
		m.Subject, m.SubjectID, m.Purpose, m.Recipient, hold)
	if err != nil {
		return false, false, wrap("claim message", err)
	}
	fresh := tag.RowsAffected() == 1
	err = db.pool.QueryRow(ctx, `
		SELECT id, coalesce(channel, ''), coalesce(ts, ''), digest FROM message
		WHERE subject = $1 AND subject_id = $2 AND purpose = $3 AND recipient = $4`,
		m.Subject, m.SubjectID, m.Purpose, m.Recipient).Scan(&m.ID, &m.Channel, &m.TS, &m.Digest)
	if err != nil || fresh || m.TS != "" {
		return fresh, false, wrap("read message", err)
	}
	tag, err = db.pool.Exec(ctx, `
		UPDATE message SET claimed_until = clock_timestamp() + $2
		WHERE id = $1 AND ts IS NULL AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())`, m.ID, hold)
	if err != nil {
		return false, false, wrap("reclaim message", err)
	}
	return tag.RowsAffected() == 1, true, nil
}

// ReleaseMessage gives up a claim after Slack refused the post.
func (db *DB) ReleaseMessage(ctx context.Context, id int64) error {
	_, err := db.pool.Exec(ctx, `UPDATE message SET claimed_until = NULL WHERE id = $1 AND ts IS NULL`, id)
	return wrap("release message", err)
}

// SaveMessage notes where a message is and what it shows.
func (db *DB) SaveMessage(ctx context.Context, m Message) error {
	_, err := db.pool.Exec(ctx, `UPDATE message SET channel = $2, ts = $3, digest = $4, claimed_until = NULL WHERE id = $1`,
		m.ID, m.Channel, m.TS, m.Digest)
	return wrap("store message", err)
}

// Messages lists what was posted about a subject for one purpose.
func (db *DB) Messages(ctx context.Context, subject string, id int64, purpose string) ([]Message, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id, subject, subject_id, purpose, recipient, channel, ts, digest FROM message
		WHERE subject = $1 AND subject_id = $2 AND purpose = $3 AND ts IS NOT NULL ORDER BY id`, subject, id, purpose)
	if err != nil {
		return nil, wrap("read messages", err)
	}
	defer rows.Close()
	var out []Message
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.ID, &m.Subject, &m.SubjectID, &m.Purpose, &m.Recipient, &m.Channel, &m.TS, &m.Digest); err != nil {
			return nil, wrap("read messages", err)
		}
		out = append(out, m)
	}
	return out, wrap("read messages", rows.Err())
}

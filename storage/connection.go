package storage

import "context"

// Connection is a configured system; the configuration itself is not stored.
type Connection struct {
	Name     string
	Kind     string
	Brokered bool // keys are ours and honoured by the gateway
}

// SaveConnections remembers the configured systems, so that rows can refer to
// them. One that left the configuration keeps its row.
func (db *DB) SaveConnections(ctx context.Context, all []Connection) error {
	for _, c := range all {
		_, err := db.pool.Exec(ctx, `
			INSERT INTO connection (name, kind, brokered) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, brokered = excluded.brokered`, c.Name, c.Kind, c.Brokered)
		if err != nil {
			return wrap("store connection", err)
		}
	}
	return nil
}

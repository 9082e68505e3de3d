package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// NoRoleError says that a role can't be granted anything useful.
type NoRoleError struct{ Why string }

// Error implements error.
func (e NoRoleError) Error() string { return e.Why }

// grants are what the service needs, with the schema and the role for %[1]s
// and %[2]s. What is part of the audit log it can read and add to; the
// migrations it can only read.
func grants(serverVersion int) []string {
	out := []string{
		`GRANT USAGE ON SCHEMA %[1]s TO %[2]s`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[1]s TO %[2]s`,
		`GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA %[1]s TO %[2]s`,
		`REVOKE UPDATE, DELETE ON audit_event, audit_leaf, audit_node, audit_checkpoint, audit_signer, audit_finding FROM %[2]s`,
		`REVOKE INSERT, UPDATE, DELETE ON schema_migration, river_migration FROM %[2]s`,
		`GRANT EXECUTE ON FUNCTION access_log_keep(date), access_log_drop(timestamptz), audit_erase TO %[2]s`,
	}
	if serverVersion >= 170000 { // lets River rebuild its indexes, which before only an owner could
		out = append(out, `GRANT MAINTAIN ON river_job TO %[2]s`)
	}
	return out
}

// Grant gives a role what the service needs at run time, and no more: it can't
// change or remove what the audit log has, nor the schema. Again after each
// migration, since that may bring tables. NoRoleError for a role that is not
// there, or that can do everything as it is.
func (db *DB) Grant(ctx context.Context, role string) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var schema string
		var version int
		var mine, known, above bool
		err := tx.QueryRow(ctx, `
			SELECT current_schema(), current_setting('server_version_num')::integer, pg_has_role(c.relowner, 'USAGE'), r.rolname IS NOT NULL,
			       coalesce(r.rolsuper OR pg_has_role(r.oid, c.relowner, 'MEMBER'), false)
			FROM pg_class c
			LEFT JOIN pg_roles r ON r.rolname = $1
			WHERE c.oid = 'audit_event'::regclass`, role).Scan(&schema, &version, &mine, &known, &above)
		switch {
		case err != nil:
			return err
		case !mine:
			return NoRoleError{"only the role that owns the tables can grant rights on them; connect as that one"}
		case !known:
			return NoRoleError{fmt.Sprintf("there is no role %s in this database's server: make it first, as with CREATE ROLE %s LOGIN PASSWORD '...'", role, role)}
		case above:
			return NoRoleError{fmt.Sprintf("the role %s is a superuser or owns the audit log, so it can change the log whatever it is granted; make another one", role)}
		}
		for _, s := range grants(version) {
			if _, err := tx.Exec(ctx, fmt.Sprintf(s, pgx.Identifier{schema}.Sanitize(), pgx.Identifier{role}.Sanitize())); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("grant rights to "+role, err)
}

// AuditRights is what the service's own role could do to the audit log.
type AuditRights struct {
	Role      string
	Superuser bool
	Owner     bool // of the tables: it can put the triggers aside
	Change    bool // it may update, delete or truncate
}

// AuditRights reads them.
func (db *DB) AuditRights(ctx context.Context) (AuditRights, error) {
	var r AuditRights
	err := db.pool.QueryRow(ctx, `
		SELECT r.rolname, r.rolsuper, bool_or(pg_has_role(r.oid, c.relowner, 'MEMBER')),
		       bool_or(has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))
		FROM pg_roles r, pg_class c
		WHERE r.rolname = current_user
		  AND c.oid IN ('audit_event'::regclass, 'audit_leaf'::regclass, 'audit_node'::regclass, 'audit_checkpoint'::regclass, 'audit_signer'::regclass)
		GROUP BY r.rolname, r.rolsuper`).Scan(&r.Role, &r.Superuser, &r.Owner, &r.Change)
	return r, wrap("read rights on the audit log", err)
}

package storage

import "context"

// SCIMFacts is what a directory says of the person behind a user; empty is
// nothing said.
type SCIMFacts struct {
	Name       string
	Email      string // in lower case
	ExternalID string
	Manager    string // the resource of the manager's own user
}

// SCIMPersonChange is a person before and after a directory spoke of them.
type SCIMPersonChange struct {
	NameBefore, Name             string
	EmailBefore, Email           string
	ExternalIDBefore, ExternalID string
	ManagerBefore, Manager       PersonID
}

// Changed tells whether the person is another than before.
func (c SCIMPersonChange) Changed() bool {
	return c.NameBefore != c.Name || c.EmailBefore != c.Email || c.ExternalIDBefore != c.ExternalID || c.ManagerBefore != c.Manager
}

// SCIMPersons finds who a user may be: by the directory's own ID for them, and
// by the work address; zero for nobody.
func (t Tx) SCIMPersons(ctx context.Context, f SCIMFacts) (byExternalID, byEmail PersonID, err error) {
	err = t.queryRow(ctx, `
		SELECT coalesce((SELECT id FROM person WHERE external_id = nullif($1, '')), 0), coalesce((SELECT id FROM person WHERE email = nullif($2, '')), 0)`,
		[]any{f.ExternalID, f.Email}, &byExternalID, &byEmail)
	return byExternalID, byEmail, wrap("find person of scim user", err)
}

// InsertPerson makes a person that a directory told of, fenced by source if
// they are not active.
func (t Tx) InsertPerson(ctx context.Context, f SCIMFacts, active bool, source string) (PersonID, error) {
	var id PersonID
	err := t.queryRow(ctx, `
		INSERT INTO person (name, email, external_id, active, left_by)
		VALUES ($1, nullif($2, ''), nullif($3, ''), $4, CASE WHEN $4 THEN '' ELSE $5 END)
		RETURNING id`, []any{f.Name, f.Email, f.ExternalID, active, source}, &id)
	return id, wrap("insert person", err)
}

// UpdatePerson brings a person up to what the directory says of one of their
// users. What another person has they don't get: an address, or the ID; and
// the ID that another of their users goes by stays.
func (t Tx) UpdatePerson(ctx context.Context, u SCIMUser, f SCIMFacts) (SCIMPersonChange, error) {
	var c SCIMPersonChange
	manager := any(nil)
	if isResource(f.Manager) {
		manager = f.Manager
	}
	err := t.queryRow(ctx, `
		WITH was AS (
			SELECT id, name, email, external_id, manager_id FROM person WHERE id = $1 FOR NO KEY UPDATE
		), goal AS (
			SELECT was.id,
			       CASE WHEN $2 <> '' THEN $2 ELSE was.name END AS name,
			       CASE WHEN $3 <> '' AND NOT EXISTS (SELECT FROM person o WHERE o.email = $3 AND o.id <> $1) THEN $3 ELSE was.email END AS email,
			       CASE WHEN $4 <> ''
			             AND NOT EXISTS (SELECT FROM person o WHERE o.external_id = $4 AND o.id <> $1)
			             AND NOT EXISTS (SELECT FROM scim_user o WHERE o.person_id = $1 AND o.id <> $5 AND o.external_id = was.external_id)
			            THEN $4 ELSE was.external_id END AS external_id,
			       (SELECT m.person_id FROM scim_user m WHERE m.resource = $6::uuid AND m.person_id <> $1) AS manager_id
			FROM was
		), done AS (
			UPDATE person p
			SET name = goal.name, email = goal.email, external_id = goal.external_id, manager_id = goal.manager_id, updated_at = latchkey_now()
			FROM goal
			WHERE p.id = goal.id
			  AND (p.name, p.email, p.external_id, p.manager_id) IS DISTINCT FROM (goal.name, goal.email, goal.external_id, goal.manager_id)
		)
		SELECT was.name, goal.name, coalesce(was.email, ''), coalesce(goal.email, ''), coalesce(was.external_id, ''), coalesce(goal.external_id, ''),
		       coalesce(was.manager_id, 0), coalesce(goal.manager_id, 0)
		FROM was, goal`, []any{u.PersonID, f.Name, f.Email, f.ExternalID, u.ID, manager},
		&c.NameBefore, &c.Name, &c.EmailBefore, &c.Email, &c.ExternalIDBefore, &c.ExternalID, &c.ManagerBefore, &c.Manager)
	return c, wrap("update person of scim user", err)
}

// OtherSCIMUserActive tells whether a person is an active user of the
// directory's beside this one. The person has to be locked.
func (t Tx) OtherSCIMUserActive(ctx context.Context, u SCIMUser) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `SELECT EXISTS (SELECT FROM scim_user WHERE person_id = $1 AND id <> $2 AND active)`, []any{u.PersonID, u.ID}, &yes)
	return yes, wrap("look for other scim users", err)
}

// MoveSCIMUser makes a user another person's, with the places in groups, unless
// the person they are now is more than a name from the directory: has accounts,
// keys, requests or other users.
func (t Tx) MoveSCIMUser(ctx context.Context, u *SCIMUser, to PersonID) (moved bool, err error) {
	from := u.PersonID
	n, err := t.exec(ctx, `
		UPDATE scim_user SET person_id = $3
		WHERE id = $1
		  AND NOT EXISTS (SELECT FROM account WHERE person_id = $2)
		  AND NOT EXISTS (SELECT FROM credential WHERE owner_id = $2)
		  AND NOT EXISTS (SELECT FROM request WHERE requester_id = $2)
		  AND NOT EXISTS (SELECT FROM scim_user WHERE person_id = $2 AND id <> $1)`, u.ID, from, to)
	if err != nil || n == 0 {
		return false, wrap("move scim user", err)
	}
	u.PersonID = to
	if _, err := t.exec(ctx, `UPDATE person SET external_id = NULL, updated_at = latchkey_now() WHERE id = $1`, from); err != nil {
		return false, wrap("free the ID of a person", err)
	}
	_, err = t.exec(ctx, `
		WITH mine AS (
			SELECT g.source FROM scim_member m JOIN scim_group g ON g.id = m.group_id WHERE m.user_id = $1
		), joined AS (
			INSERT INTO group_member (source, person_id) SELECT source, $3 FROM mine ON CONFLICT DO NOTHING
		)
		DELETE FROM group_member WHERE person_id = $2 AND source IN (SELECT source FROM mine)`, u.ID, from, to)
	return true, wrap("move places in groups", err)
}

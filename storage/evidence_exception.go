package storage

// EvidenceExceptions are the questions about what is, or was in the period,
// outside the rules. Those of what stands now are answered as of the moment
// they are asked.
func EvidenceExceptions() []EvidenceList {
	return []EvidenceList{
		{Name: "self-approvals", Subject: SubjectRequest, Args: 2, Query: `
SELECT r.id, r.connection, p.name, v.created_at, v.reason
FROM review v
JOIN request r ON r.id = v.request_id
JOIN person p ON p.id = v.reviewer_id
WHERE v.decision = 'approve'
  AND v.reviewer_id = r.requester_id
  AND v.created_at >= $1
  AND v.created_at < $2
ORDER BY r.id`},
		{Name: "too-few-approvals", Subject: SubjectCredential, Args: 2, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.activated_at, s.group_name
FROM credential c
JOIN step s ON s.request_id = c.request_id
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.activated_at >= $1
  AND c.activated_at < $2
  AND s.quorum > (
      SELECT count(DISTINCT v.reviewer_id)
      FROM review v
      WHERE v.request_id = s.request_id
        AND v.position = s.position
        AND v.decision = 'approve'
        AND v.voided_at IS NULL)
ORDER BY c.id, s.position`},
		{Name: "orphans", Subject: SubjectCredential, Query: `
SELECT c.id, c.connection, p.name, c.activated_at, c.state
FROM credential c
JOIN person p ON p.id = c.owner_id
WHERE NOT p.active
  AND c.state IN ('issuing', 'active', 'suspended')
  AND NOT EXISTS (
      SELECT FROM offboarding o
      LEFT JOIN offboarding_item i ON i.offboarding_id = o.id AND i.credential_id = c.id
      WHERE o.person_id = p.id
        AND (o.state IN ('held', 'open') OR o.state = 'closed' AND i.credential_id IS NOT NULL))
ORDER BY c.id`},
		{Name: "open-offboardings", Subject: SubjectOffboarding, Query: `
SELECT o.id, o.state, p.name, o.began_at, o.reason
FROM offboarding o
JOIN person p ON p.id = o.person_id
WHERE o.state IN ('held', 'open')
ORDER BY o.id`},
		{Name: "refused-revocations", Subject: SubjectCredential, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.activated_at, c.state_reason
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.state = 'revoke_failed'
ORDER BY c.id`},
		{Name: "ended-without-receipt", Subject: SubjectCredential, Args: 2, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.ended_at, c.state_reason
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.state = 'revoked'
  AND NOT c.brokered
  AND c.ended_at >= $1
  AND c.ended_at < $2
  AND NOT EXISTS (SELECT FROM receipt x WHERE x.credential_id = c.id AND x.liveness = 'dead')
ORDER BY c.id`},
		{Name: "waived-keys", Subject: SubjectCredential, Args: 2, Query: `
SELECT i.credential_id, c.connection, i.waived_name, i.waived_at, i.waived_reason
FROM offboarding_item i
JOIN credential c ON c.id = i.credential_id
WHERE i.waived_at >= $1
  AND i.waived_at < $2
ORDER BY i.credential_id, i.offboarding_id`},
		{Name: "waived-systems", Subject: SubjectOffboarding, Args: 2, Query: `
SELECT y.offboarding_id, y.connection, y.waived_name, y.waived_at, y.waived_reason
FROM offboarding_system y
WHERE y.waived_at >= $1
  AND y.waived_at < $2
ORDER BY y.offboarding_id, y.connection`},
		{Name: "breaker-decisions", Subject: SubjectBatch, Args: 2, Query: `
SELECT h.subject_id, b.title || ', ' || b.state, coalesce(d.actor, ''), coalesce(d.at, h.at), coalesce(nullif(d.reason, ''), b.reason)
FROM audit_event h
JOIN batch b ON b.id = h.subject_id
LEFT JOIN LATERAL (
    SELECT e.actor, e.at, e.reason
    FROM audit_event e
    WHERE e.subject = 'batch'
      AND e.subject_id = h.subject_id
      AND e.before = 'held'
    ORDER BY e.id
    LIMIT 1) d ON true
WHERE h.subject = 'batch'
  AND h.action = 'batch.held'
  AND h.at >= $1
  AND h.at < $2
ORDER BY h.subject_id`},
		{Name: "leaks", Subject: SubjectCredential, Args: 2, Query: `
SELECT e.subject_id, c.connection, coalesce(p.name, ''), e.at, e.reason
FROM audit_event e
JOIN credential c ON c.id = e.subject_id
LEFT JOIN person p ON p.id = c.owner_id
WHERE e.subject = 'credential'
  AND e.action = 'credential.leaked'
  AND e.at >= $1
  AND e.at < $2
ORDER BY e.subject_id, e.id`},
		{Name: "restores", Subject: SubjectQuarantine, Args: 2, Query: `
SELECT q.id, CASE WHEN q.ended_at IS NULL THEN 'not accepted' ELSE 'accepted: ' || q.ended_why END, q.ended_by, q.at, q.why
FROM audit_quarantine q
WHERE q.at >= $1
  AND q.at < $2
ORDER BY q.id`},
		{Name: "exemptions", Subject: SubjectCredential, Args: 1, Query: `
SELECT c.id, c.connection, coalesce(e.actor, ''), c.exempt_until, coalesce(e.reason, '')
FROM credential c
LEFT JOIN LATERAL (
    SELECT e.actor, e.reason
    FROM audit_event e
    WHERE e.subject = 'credential'
      AND e.subject_id = c.id
      AND e.action = 'credential.exempted'
    ORDER BY e.id DESC
    LIMIT 1) e ON true
WHERE c.exempt_until >= $1
  AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
ORDER BY c.id`},
		{Name: "unmanaged", Subject: SubjectCredential, Query: `
SELECT c.id, c.connection || CASE WHEN c.class <> '' THEN ', ' || c.class ELSE '' END, coalesce(p.name, ''), coalesce(c.vendor_created_at, c.created_at), c.access
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE NOT c.managed
  AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
ORDER BY c.id`},
		{Name: "over-age", Subject: SubjectCredential, Args: 3, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), coalesce(c.vendor_created_at, c.activated_at), ''
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE $3::interval > '0'
  AND $1::timestamptz < $2::timestamptz
  AND coalesce(c.vendor_created_at, c.activated_at) <= latchkey_now() - $3::interval
  AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
ORDER BY c.id`},
	}
}

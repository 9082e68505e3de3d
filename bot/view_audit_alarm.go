package bot

import (
	"fmt"

	"latchkey/storage"
)

// quarantineMessage says that the database is not to be trusted, and who has
// to do what.
func quarantineMessage(q storage.Quarantine) message {
	const head = "Latchkey's database was restored from an older backup"
	return say(head+", so no key works through the gateway.",
		section("*"+head+"*: "+words(cut(q.Why, maxReasonShown))+"."),
		section("No key works through the gateway, and none is approved, made or brought back. What had been revoked or had expired before is being ended again, and people who had left are stopped again. Revoking works."),
		small("An operator has to look, and to say `latchkey audit accept --reason ...` on a machine of the service. That shows first what was lost."))
}

// quarantineOverMessage says who answered for it.
func quarantineOverMessage(q storage.Quarantine) message {
	head := words(q.EndedBy) + " accepted the database that was restored. Keys work again."
	return say(head,
		section(head+" Publishing begins anew from the log that there is."),
		quote("Why", q.EndedWhy),
		small("What the older backup did not have is lost, except that what had ended stays ended."))
}

// findingMessage says what is wrong with the audit log, and where.
func findingMessage(f storage.Finding) message {
	where := "The audit log is not what it was"
	if f.Position >= 0 {
		where = fmt.Sprintf("The audit log is not what it was at position %d", f.Position)
	}
	return say(where+". Somebody changed it past Latchkey.",
		section("*"+where+"*: "+words(cut(f.Problem, maxReasonShown))+"."),
		section("Somebody changed it past Latchkey, with rights on the database that the service does not need."),
		small("Keep the database as it is, and compare it with an earlier export: `latchkey audit verify FILE` names the first position that differs. Everything else works on."))
}

package bot

import (
	"fmt"
	"strconv"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// The verbs of offboarding.
const (
	verbCase       verb = "case"        // everything about a case; the ID is the case, and where the page begins
	verbCasePage   verb = "case_page"   // another page of it
	verbCaseReport verb = "case_report" // a link button
	verbUndoLeave  verb = "undo_leave"
	verbWaive      verb = "waive"       // the ID is the case and what is answered for: a key, or a system
	verbKeepShared verb = "keep_shared" // the ID is the case and the key
	verbEndShared  verb = "end_shared"
	verbRunHeld    verb = "run_held"
	verbUndoHeld   verb = "undo_held"
)

// The callback IDs of offboarding's modals.
const (
	callbackOffboard   = "offboard"
	callbackUndoLeave  = "undo_leave"
	callbackWaive      = "waive"
	callbackKeepShared = "keep_shared"
	callbackEndShared  = "end_shared"
	callbackRunHeld    = "run_held"
	callbackUndoHeld   = "undo_held"
)

func caseID(id storage.OffboardingID) string { return strconv.FormatInt(int64(id), 10) }

// caseAbout is the ID of a control about a part of a case.
func caseAbout(id storage.OffboardingID, about string) string { return caseID(id) + "." + about }

// readCase reads the case a control is about, and which part of it.
func readCase(s string) (storage.OffboardingID, string, error) {
	number, about, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, "", workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This message is too old. `offboarding` behind the command lists the cases."}
	}
	return storage.OffboardingID(n), about, nil
}

// readCaseKey reads the case and the key a control is about.
func readCaseKey(s string) (storage.OffboardingID, storage.CredentialID, error) {
	id, about, err := readCase(s)
	if err != nil {
		return 0, 0, err
	}
	_, key, err := storage.ParseID(about)
	if err != nil || key == 0 {
		return 0, 0, fmt.Errorf("read key of a case: %w", errNoKey)
	}
	return id, key, nil
}

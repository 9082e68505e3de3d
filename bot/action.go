package bot

import "strings"

// A verb is the part of an action ID that the dispatch table knows. Action
// IDs read verb/ID ("approve/RQ-7F3K"), because one surface may offer the
// same verb for several things. The ID is a hint where to look, never a
// right: workflow decides from its own rows.
type verb string

// The verbs of buttons, selects and menus.
const (
	verbApprove     verb = "approve"
	verbApproveLess verb = "approve_less"
	verbDeny        verb = "deny"
	verbDetails     verb = "details"
	verbReveal      verb = "reveal" // a link button; Slack reports the click all the same
	verbShow        verb = "show"
	verbRevoke      verb = "revoke"
	verbGiveBack    verb = "give_back"
	verbCancel      verb = "cancel"
	verbNew         verb = "new_request"
	verbMine        verb = "mine"
	verbPending     verb = "pending"
	verbList        verb = "list"
	verbMore        verb = "more" // another page of a listing; the ID is the cursor
	verbCSV         verb = "csv"  // a whole listing as a file; the ID is the cursor
	verbRow         verb = "row"  // a row's menu; the value chosen is one of the verbs
	verbSuspend     verb = "suspend"
	verbResume      verb = "resume"
	verbHandOver    verb = "hand_over"
	verbKeep        verb = "keep" // ask to keep a key that nobody asked for
	verbRotate      verb = "rotate"
	verbExtend      verb = "extend"
	verbLetExpire   verb = "let_expire"
	verbEdit        verb = "edit"
	verbExempt      verb = "exempt"
	verbConnect     verb = "connect" // a link button, as Reveal
	verbOpen        verb = "open"    // likewise: the place at the system where a task begins
	verbSystems     verb = "systems" // another page of the systems; the ID is where it begins
	verbSync        verb = "sync"
	verbRunBatch    verb = "run_batch"
	verbDropBatch   verb = "drop_batch"
	verbSystem      verb = "system" // the request form's system select
	verbPreset      verb = "preset" // the request form's preset
	verbScopes      verb = "scopes" // the request form's scope select
	verbSink        verb = "sink"   // the request form's select of where the key goes
)

// The callback IDs of modals and of the global shortcut.
const (
	callbackRequest     = "request"
	callbackPreview     = "preview"
	callbackApproveLess = "approve_less"
	callbackDeny        = "deny"
	callbackRevoke      = "revoke"
	callbackGiveBack    = "give_back"
	callbackSuspend     = "suspend"
	callbackResume      = "resume"
	callbackHandOver    = "hand_over"
	callbackKeep        = "keep"
	callbackRotate      = "rotate"
	callbackExtend      = "extend"
	callbackEdit        = "edit"
	callbackExempt      = "exempt"
	callbackRevokeMany  = "revoke_many"
	callbackShortcut    = "request_key"
)

func actionID(v verb, id string) string { return string(v) + "/" + id }

func splitAction(action string) (verb, string) {
	v, id, _ := strings.Cut(action, "/")
	return verb(v), id
}

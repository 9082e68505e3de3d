package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// reader is who looks at a view. It decides which controls are offered, never
// what they may do: that is workflow's.
type reader struct {
	ID    storage.PersonID
	Admin bool
}

// owns reports whether a key is the reader's own.
func (r reader) owns(v workflow.CredentialView) bool {
	return r.ID != 0 && v.Credential.OwnerID == r.ID
}

// byOwner is the reason workflow records when an owner suspends a key.
const byOwner = "by its owner"

// offers are what a reader can do with a key now, in the order of the
// controls.
func (r reader) offers(v workflow.CredentialView) []verb {
	c, own := v.Credential, r.owns(v)
	var out []verb
	if v.Can.Adopt && own {
		out = append(out, verbKeep)
	}
	if v.Can.Rotate && (own || r.Admin) {
		out = append(out, verbRotate)
	}
	if v.Can.Extend && own {
		out = append(out, verbExtend)
	}
	if v.Can.Suspend && (own || r.Admin) {
		out = append(out, verbSuspend)
	}
	if v.Can.Resume && (r.Admin || own && c.StateReason == byOwner) {
		out = append(out, verbResume)
	}
	if v.Can.HandOver && r.Admin {
		out = append(out, verbHandOver)
	}
	switch {
	case !endable(c) && !v.Can.Revoke:
	case own:
		out = append(out, verbGiveBack)
	case r.Admin:
		out = append(out, verbRevoke)
	}
	return out
}

// offersInFull are the offers, and what is changed rarely, where there is room.
func (r reader) offersInFull(v workflow.CredentialView) []verb {
	c, own := v.Credential, r.owns(v)
	out := r.offers(v)
	if endMoves(c) && !c.LetExpire && v.ReplacedBy == 0 && slices.Contains(v.Flags, storage.FlagExpiring) && (own || r.Admin) {
		out = append(out, verbLetExpire)
	}
	if v.Can.Edit && (own || r.Admin) {
		out = append(out, verbEdit)
	}
	if v.Can.Exempt && r.Admin && !own {
		out = append(out, verbExempt)
	}
	return out
}

// verbLabel is what a control is called wherever it stands.
func verbLabel(v verb) string {
	switch v {
	case verbKeep:
		return "Ask to keep it"
	case verbRotate:
		return "Rotate"
	case verbExtend:
		return "Extend"
	case verbLetExpire:
		return "Let it expire"
	case verbEdit:
		return "Edit"
	case verbExempt:
		return "Exempt"
	case verbSuspend:
		return "Suspend"
	case verbResume:
		return "Resume"
	case verbHandOver:
		return "Hand over"
	case verbGiveBack:
		return "Give back"
	case verbRevoke:
		return "Revoke"
	default:
		return "Show details"
	}
}

// keyButtons are the controls of one key.
func keyButtons(v workflow.CredentialView, r reader) []slack.BlockElement {
	var out []slack.BlockElement
	for _, o := range r.offersInFull(v) {
		out = append(out, keyButton(o, v.Credential))
	}
	return out
}

func keyButton(o verb, c storage.Credential) *slack.ButtonBlockElement {
	spoken := verbLabel(o) + " key " + c.ID.String()
	switch o {
	case verbKeep:
		spoken = "Ask to keep key " + c.ID.String()
	case verbLetExpire:
		spoken = "Let key " + c.ID.String() + " expire"
	default:
	}
	b := button(o, c.ID.String(), verbLabel(o), spoken)
	if o == verbRevoke {
		b = danger(b)
	}
	return b
}

// maxInMenu is how many choices Slack shows in a menu beside the details,
// where everything else can be done too.
const maxInMenu = 4

// rowMenu is what can be done with a row of a listing.
func rowMenu(v workflow.CredentialView, r reader) *slack.OverflowBlockElement {
	verbs := r.offers(v)
	if len(verbs) > maxInMenu {
		verbs = slices.DeleteFunc(verbs, func(o verb) bool { return o == verbHandOver })
	}
	return menuOf(v.Credential, verbs[:min(maxInMenu, len(verbs))])
}

func menuOf(c storage.Credential, verbs []verb) *slack.OverflowBlockElement {
	options := []*slack.OptionBlockObject{option(string(verbShow), verbLabel(verbShow), "")}
	for _, o := range verbs {
		options = append(options, option(string(o), verbLabel(o), ""))
	}
	return slack.NewOverflowBlockElement(actionID(verbRow, c.ID.String()), options...)
}

// listRow is a key in a listing of everybody's.
func listRow(v workflow.CredentialView, r reader) slack.Block {
	return slack.NewSectionBlock(markup(listedLine(v), maxSection), nil, slack.NewAccessory(rowMenu(v, r)),
		slack.SectionBlockOptionBlockID("key/"+v.Credential.ID.String()))
}

// listedLine is a key in a listing: what it is and how it does, whose it is
// and what it may do, and what is up with it.
func listedLine(v workflow.CredentialView) string {
	out := plainLine(v)
	if flags := flagsInShort(v); flags != "" {
		out += "\n" + flags
	}
	return out
}

// plainLine is listedLine without the flags, where they are told in full.
func plainLine(v workflow.CredentialView) string {
	c := v.Credential
	out := fmt.Sprintf("%s for %s", code(c.ID.String()), bold(c.Connection))
	if what := called(c); what != "" {
		out += ", " + what
	}
	out += fmt.Sprintf(": *%s*", stateMarkup(c))
	if c.Live() && !isSet(c.ExpiresAt) && c.State != storage.CredentialIssuing {
		out += ", no end known"
	}
	return out + fmt.Sprintf("\n%s; %s; %s", heldBy(v, personMarkup), accessInShort(v), lastUsed(c, day))
}

// givenName is what people call a key; empty for one that nobody named, and for
// one that is shown under its system's name for it already.
func givenName(c storage.Credential) string {
	label := line(c.Label)
	if _, _, err := storage.ParseID(label); err == nil || !c.Managed { // as we name a key that nobody named
		return ""
	}
	return label
}

// called is a key's name in a row: people's, or else its system's.
func called(c storage.Credential) string {
	if given := cut(givenName(c), maxName); given != "" {
		return "“" + words(given) + "”"
	}
	return calledAtSystem(c)
}

// calledAtSystem is what a system calls a key that was not made here: its
// label, or else its class.
func calledAtSystem(c storage.Credential) string {
	label, class := cut(line(c.Label), maxName), cut(line(c.Class), maxName)
	switch {
	case c.Brokered:
		return ""
	case c.Managed || label == "":
		return words(class)
	}
	return "“" + words(label) + "”"
}

// heldBy says whose a key is; an account that belongs to nobody we know is
// shown as what it is.
func heldBy(v workflow.CredentialView, show func(workflow.Person) string) string {
	account := accountName(v.Account)
	switch {
	case v.Credential.OwnerID != 0 && v.Account.Service && account != "":
		return "held by " + show(v.Owner) + " through the service account " + words(account)
	case v.Credential.OwnerID != 0:
		return "held by " + show(v.Owner)
	case account != "":
		if v.Account.Service {
			return "service: " + words(account)
		}
		return "unlinked: " + words(account)
	}
	return "owner unknown"
}

// accountName is an account at a system as people know it.
func accountName(a workflow.AccountView) string {
	for _, s := range []string{a.Email, a.Name, a.Ref} {
		if n := cut(line(s), maxName); n != "" {
			return n
		}
	}
	return ""
}

// accessInShort says what a key may do at most, as far as that is known.
func accessInShort(v workflow.CredentialView) string {
	if len(v.Scopes) > 0 {
		return countByAccess(v.Scopes)
	}
	if v.Credential.Access == "" {
		return "scopes unknown"
	}
	return strings.ToLower(accessLabel(workflow.Access(v.Credential.Access))) + ", scopes unknown"
}

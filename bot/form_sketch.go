package bot

import (
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func cardMessage(v workflow.RequestView, why string) message             { return message{} }
func statusMessage(v workflow.RequestView) message                       { return message{} }
func voteMessage(v workflow.RequestView, vote workflow.VoteView) message { return message{} }
func decisionMessage(v workflow.RequestView) message                     { return message{} }
func keyMessage(v workflow.CredentialView, revealBy time.Time) message   { return message{} }
func summaryMessage(h workflow.HomeView, command string) message         { return message{} }
func mineMessage(views []workflow.CredentialView) message                { return message{} }
func pendingMessage(views []workflow.RequestView) message                { return message{} }
func listMessage(views []workflow.CredentialView, next string) message   { return message{} }
func showMessage(v workflow.CredentialView) message                      { return message{} }
func requestMessage(v workflow.RequestView) message                      { return message{} }
func whyMessage(lines []string) message                                  { return message{} }
func helpMessage(command string) message                                 { return message{} }
func unknownMessage(command, typed, nearest string) message              { return message{} }
func refusalMessage(sentence string) message                             { return message{} }
func requestModal(f requestForm, systems int) slack.ModalViewRequest     { return slack.ModalViewRequest{} }
func previewModal(ask workflow.Ask, p workflow.Preview, scopes []workflow.ScopeRule, metadata string) slack.ModalViewRequest {
	return slack.ModalViewRequest{}
}
func loadingModal(title string) slack.ModalViewRequest          { return slack.ModalViewRequest{} }
func noticeModal(title, sentence string) slack.ModalViewRequest { return slack.ModalViewRequest{} }
func sentModal(r storage.Request) slack.ModalViewRequest        { return slack.ModalViewRequest{} }
func approveLessModal(v workflow.RequestView, metadata string) slack.ModalViewRequest {
	return slack.ModalViewRequest{}
}
func denyModal(v workflow.RequestView, metadata string) slack.ModalViewRequest {
	return slack.ModalViewRequest{}
}
func revokeModal(v workflow.CredentialView, metadata string) slack.ModalViewRequest {
	return slack.ModalViewRequest{}
}
func giveBackModal(v workflow.CredentialView, metadata string) slack.ModalViewRequest {
	return slack.ModalViewRequest{}
}
func detailsModal(v workflow.RequestView) slack.ModalViewRequest { return slack.ModalViewRequest{} }
func keyModal(v workflow.CredentialView) slack.ModalViewRequest  { return slack.ModalViewRequest{} }
func homeView(h workflow.HomeView, command string) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{}
}

type requestForm struct {
	System    string
	Preset    string
	Scopes    []string
	Lifetime  workflow.Duration
	Reason    string
	Ceiling   workflow.Duration
	ScopeList []workflow.ScopeRule
}

func readRequestForm(state *slack.ViewState) requestForm { return requestForm{} }
func (f requestForm) ask() workflow.Ask                  { return workflow.Ask{} }
func readApproveLess(state *slack.ViewState) (scopes []string, lifetime workflow.Duration) {
	return nil, 0
}
func readReason(state *slack.ViewState) string { return "" }

// errorsFor takes the submitted state, so that it names only blocks that are there; nil when there is no input block.
func errorsFor(state *slack.ViewState, r workflow.Refusal) map[string]string { return nil }
func systemOptions(systems []workflow.System, query string) []*slack.OptionBlockObject {
	return nil
}
func scopeOptions(scopes []workflow.ScopeRule, query string) []*slack.OptionBlockObject {
	return nil
}

// Manifest is the app manifest as JSON.
func Manifest(command, name string) ([]byte, error) { return nil, nil }

// RequiredScopes are the bot scopes the app can't do without.
func RequiredScopes() []string { return nil }

package blockkit

// Problem is one reason why Slack would refuse, or people would misread, a document.
type Problem struct {
	Pointer string // JSON pointer of the offending value; empty means the whole document
	Message string // a full sentence
}

// ValidateMessage judges the body of chat.postMessage, chat.update,
// chat.postEphemeral, a response_url call or the ack of a slash command. The
// token is no part of the body.
func ValidateMessage(doc []byte) []Problem {
	return judge(doc, messageKind)
}

// ValidateModal judges a modal view.
func ValidateModal(doc []byte) []Problem {
	return sorted(append(viewSize(doc), judge(doc, modalKind)...))
}

// ValidateHome judges an App Home view.
func ValidateHome(doc []byte) []Problem {
	return sorted(append(viewSize(doc), judge(doc, homeKind)...))
}

// ValidateSuggestion judges the ack payload of a block_suggestion.
func ValidateSuggestion(doc []byte) []Problem {
	return sorted(append(ackSize(doc), judge(doc, suggestionKind)...))
}

// kind is what a document claims to be; it decides the schema and the rules.
type kind string

const (
	messageKind    kind = "Message"
	modalKind      kind = "ModalView"
	homeKind       kind = "HomeView"
	suggestionKind kind = "Suggestion"
	manifestKind   kind = "manifest"
)

// judge applies the schema and the rules of a kind to a document.
func judge(doc []byte, as kind) []Problem {
	value, problem := parse(doc)
	if problem != nil {
		return []Problem{*problem}
	}
	return judgeValue(value, as)
}

func judgeValue(value any, as kind) []Problem {
	found := judgeSchema(value, as)
	root, ok := value.(map[string]any)
	if !ok {
		return sorted(found)
	}

	d := document{root: root, nodes: flatten(root)}
	for _, check := range rulesOf(as) {
		found = append(found, check(d)...)
	}
	return sorted(found)
}

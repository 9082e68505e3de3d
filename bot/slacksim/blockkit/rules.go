package blockkit

// rule is something Slack enforces, or readers need, that the schemas cannot say.
type rule func(document) []Problem

func rulesOf(k kind) []rule {
	switch k {
	case messageKind:
		return append(blockRules(), fallbackText, totalText, totalMarkdown, oneTable, noAlert)
	case modalKind:
		return append(blockRules(), submitForInputs, oneFocus)
	case homeKind:
		return append(blockRules(), noAlert, oneFocus)
	case suggestionKind:
		return []rule{oneOptionSource}
	case manifestKind:
		return []rule{knownScopes, knownEvents, scopesForEvents, scopeForCommands, uniqueCommands, urlsWithoutSocketMode, backgroundColor}
	default:
		return nil
	}
}

// blockRules hold on every surface that shows blocks.
func blockRules() []rule {
	return []rule{
		uniqueBlockIDs, uniqueActionIDs, neededContent, noFileBlock,
		selectOptions, initialOptions, optionURLs, lengthRange, noBroadcast,
	}
}

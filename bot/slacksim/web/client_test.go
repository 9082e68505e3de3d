package web_test

import "testing"

// TestClient drives the browser client in a real Chromium. The parts share the
// browser, each has a tab and a workspace of its own.
func TestClient(t *testing.T) {
	t.Parallel()
	chromium := startBrowser(t)
	for name, part := range map[string]func(*testing.T, *browser){
		"blocks/all draw":                  testAllBlocks,
		"blocks/injection stays text":      testInjection,
		"blocks/elements post":             testElementsPost,
		"mrkdwn/table":                     testMrkdwn,
		"mrkdwn/any text":                  testMrkdwnAnyText,
		"dates/tokens":                     testDates,
		"message/button":                   testButton,
		"message/confirm":                  testConfirm,
		"message/overflow":                 testOverflow,
		"message/ephemeral and edited":     testEphemeral,
		"message/thread":                   testThread,
		"message/files":                    testFiles,
		"composer/slash by keyboard":       testSlash,
		"composer/message":                 testMessage,
		"composer/shortcuts":               testShortcuts,
		"composer/refused":                 testRefused,
		"modal/fill and submit":            testModalSubmit,
		"modal/required fields":            testModalRequired,
		"modal/errors of the app":          testModalErrors,
		"modal/pending":                    testModalPending,
		"modal/focus and Escape":           testModalFocus,
		"modal/stack":                      testModalStack,
		"modal/values survive":             testModalValues,
		"select/typeahead":                 testTypeahead,
		"select/minimum query":             testMinimumQuery,
		"select/multi by keyboard":         testMultiSelect,
		"select/dispatch":                  testSelectDispatch,
		"select/person beside a text":      testPersonAside,
		"persona/switch":                   testPersonaSwitch,
		"persona/unknown":                  testPersonaUnknown,
		"home/tabs":                        testHomeTabs,
		"home/actions":                     testHomeActions,
		"live/redraw keeps what is typed":  testRedrawKeepsTyping,
		"live/redraw keeps an open menu":   testRedrawKeepsMenu,
		"live/scroll":                      testScroll,
		"live/toasts":                      testToasts,
		"places/channels and unread marks": testChannels,
		"places/phone":                     testPhone,
		"places/deactivate":                testDeactivate,
		"screens":                          testScreens,
		"on the simulator":                 testSimulator,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, chromium)
		})
	}
}

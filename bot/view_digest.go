package bot

import (
	"latchkey/workflow"
)

// digestMessage is the one message of a day about keys that end.
func digestMessage(v workflow.DigestView) message {
	return say("Keys end soon.")
}

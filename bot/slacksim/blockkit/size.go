package blockkit

import "fmt"

// Slack answers view_too_large above maxView, and closes a socket whose client
// sends a frame of maxFrame bytes or more. An ack payload travels inside a frame
// that adds the envelope's ID to it.
const (
	maxView  = 250_000
	maxFrame = 20_480
	ackFrame = len(`{"envelope_id":"00000000-0000-0000-0000-000000000000","payload":}`)
)

func viewSize(doc []byte) []Problem {
	if len(doc) <= maxView {
		return nil
	}
	return []Problem{{"", fmt.Sprintf("The view has %d bytes, want at most %d.", len(doc), maxView)}}
}

func ackSize(doc []byte) []Problem {
	if len(doc)+ackFrame < maxFrame {
		return nil
	}
	return []Problem{{"", fmt.Sprintf("The ack has %d bytes, want fewer than %d.", len(doc), maxFrame-ackFrame)}}
}

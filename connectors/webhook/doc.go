// Package webhook is the event source for everything without a connector of
// its own: a script, an HR system's automation, a low-code tool. It owns the
// format and the signature of such an event.
//
// It does not own the door the event comes through, nor what follows from it:
// refusing repeats, order, and people who leave later are the receiver's.
package webhook

// Example is how a sender sends one, with a shell, curl and openssl: the
// signature is over the time, a dot and the very bytes of the body.
const Example = `body='{"id":"hr-2026-0042","type":"person.left","email":"frank@example.com","at":"2026-11-21T12:00:00Z"}'
time=$(date +%s)
signature=$(printf '%s.%s' "$time" "$body" | openssl dgst -sha256 -hmac "$SIGNING_SECRET" -r | cut -d' ' -f1)
curl --fail-with-body -H 'Content-Type: application/json' \
  -H "Latchkey-Timestamp: $time" -H "Latchkey-Signature: v1=$signature" \
  --data-binary "$body" https://latchkey.example.com/hooks/hr`

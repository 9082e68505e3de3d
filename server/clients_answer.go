package server

import "net/http"

// answerLine is what the gateway answers by itself, and what to do then.
type answerLine struct {
	Status int
	Codes  []string // of the answer's error.code; empty for every one of the status
	Says   string
	Do     string
}

// answers are all answers of the gateway's own. Everything else comes from the
// system behind it, as it is.
func answers() []answerLine {
	return []answerLine{
		{http.StatusUnauthorized, []string{"invalid_key"}, "The key is missing, unknown, expired, suspended or revoked.",
			"Send it as Authorization: Bearer. If it was right yesterday, look at it in Slack."},
		{http.StatusForbidden, []string{"out_of_scope"}, "The key’s scopes do not allow this method on this path. error.needs names the scopes that would.",
			"Ask for one of them in Slack."},
		{http.StatusForbidden, []string{"wrong_connection"}, "The key is for another system.", "Use the address in the key’s own message."},
		{http.StatusNotFound, []string{"unknown_connection"}, "There is no system of this name at the gateway.", "Check the address. A 404 without this code is the system’s own."},
		{http.StatusTooManyRequests, []string{"too_fast", "too_many_at_once"}, "The key has reached a limit above.", "Wait as long as Retry-After says, and try again."},
		{http.StatusTooManyRequests, []string{"connection_too_fast"}, "All keys of the system together have reached a limit.", "Wait as long as Retry-After says, and try again."},
		{http.StatusServiceUnavailable, []string{"busy", "connection_busy", "not_ready", "not_metered"}, "The gateway can’t take the request now. Nothing was sent on.",
			"Wait as long as Retry-After says, and try again."},
		{http.StatusBadGateway, []string{"upstream_refused_gateway", "upstream_refused_grant"}, "The system refused what the gateway sent in place of the key.",
			"Your key is fine. Tell the owners of the system; if you connected an app, connect it again in Slack."},
		{http.StatusBadGateway, []string{"upstream_failed", "client_gone"}, "The system could not be reached, or one side broke off.",
			"It may have got the request: repeat it only if that does no harm."},
		{http.StatusInternalServerError, []string{"internal"}, "Something went wrong in the gateway itself.",
			"The system may have got the request: repeat it only if that does no harm, and tell an admin if it stays."},
		{http.StatusGatewayTimeout, []string{"upstream_timeout"}, "The system did not answer in time.", "It may have got the request: repeat it only if that does no harm."},
		{http.StatusRequestTimeout, []string{"body_too_slow"}, "The body stopped coming.", "Send it without pauses."},
		{http.StatusRequestEntityTooLarge, []string{"body_too_large"}, "The body is larger than the limit above, or than the scope allows.", "Send less at a time."},
		{http.StatusRequestURITooLong, []string{"target_too_long"}, "Path and query are too long.", "Send less in the query."},
		{http.StatusRequestHeaderFieldsTooLarge, []string{"head_too_large"}, "The headers are larger than the limit above.", "Send fewer or shorter headers."},
		{http.StatusMethodNotAllowed, []string{"method_not_allowed"}, "The gateway lets GET, HEAD, POST, PUT, PATCH and DELETE through.", "Use one of them."},
		{http.StatusBadRequest, []string{"malformed_path", "malformed_query", "malformed_body", "malformed_request"}, "The request can be read in more than one way, so it was not passed on.",
			"The message says what is wrong with it. Dot segments, doubled slashes and broken encodings are never repaired."},
		{http.StatusBadRequest, []string{"key_in_url"}, "There is a key in the address, where logs keep it.", "Send it in the header, and rotate it: it may have been seen."},
		{http.StatusBadRequest, []string{"override", "upgrade", "connection_header"}, "A header or parameter asks for something else than the request line says.", "Leave it out."},
	}
}

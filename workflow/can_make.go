package workflow

import "latchkey/connectors"

// brokered tells whether a system's keys are ours, honoured by the gateway.
func (s *Service) brokered(connection string) bool {
	_, ok := connectors.As[connectors.Broker](s.Connectors[connection])
	return ok
}

// canMake tells whether a key or grant can come of a request at a system: we
// make it, or a person does by our guide.
func (s *Service) canMake(connection, kind string) bool {
	c, known := s.Connectors[connection]
	if !known {
		return true // no such system is another refusal
	}
	if kind == OAuthGrant {
		_, app := s.oauthApp(connection)
		return app
	}
	_, issues := connectors.As[connectors.Issuer](c)
	_, guides := connectors.As[connectors.IssueGuide](c)
	return issues || guides
}

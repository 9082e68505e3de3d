package tempo

import (
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

var _ connectors.ClientGuider = (*Connector)(nil)

// Clients adds the client that Python scripts for Tempo use most. Source: its
// client_v4.py (auth_token, base_url with the version, and that it follows
// metadata.next). It was not run: unverified.
func (c *Connector) Clients(at connectors.ClientAddress) []connectors.ClientGuide {
	return append(brokered.PlainClients(at), connectors.ClientGuide{
		Name: "tempo-api-python-client",
		Code: strings.ReplaceAll(`import os
from tempoapiclient import client_v4

tempo = client_v4.Tempo(
    auth_token=os.environ["LATCHKEY_KEY"],
    base_url="{base}/4",
)`, "{base}", at.Base),
		Notes: "It follows metadata.next, which is Tempo’s own address: ask for spans short enough to fit one page.",
	})
}

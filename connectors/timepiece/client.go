package timepiece

import (
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

var _ connectors.ClientGuider = (*Connector)(nil)

// Clients adds what changes in a script that calls the vendor now: the address
// and the key. The gateway takes the key behind the vendor's own word too.
func (c *Connector) Clients(at connectors.ClientAddress) []connectors.ClientGuide {
	return append(brokered.PlainClients(at), connectors.ClientGuide{
		Name: "A script that calls Timepiece now",
		Code: strings.NewReplacer("{base}", at.Base, "{read}", at.Read, "{scheme}", scheme).Replace(
			`curl --fail-with-body -H "Authorization: {scheme} $LATCHKEY_KEY" \
  {base}{read}`),
		Notes: "Change the address and put the key in the token’s place: the gateway takes the key behind " + scheme +
			" too. It takes none from the address: move a ?tisjwt= to the header.",
	})
}

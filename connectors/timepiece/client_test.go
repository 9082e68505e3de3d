package timepiece

import (
	"strings"
	"testing"

	"latchkey/connectors"
)

func TestClients(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, g := range (*Connector)(nil).Clients(connectors.ClientAddress{Base: "https://api.example.com/timepiece", Read: "/rest/calendar"}) {
		all.WriteString(g.Code)
	}
	for _, want := range []string{"Bearer $LATCHKEY_KEY", "TISJWT $LATCHKEY_KEY", "https://api.example.com/timepiece/rest/calendar"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no client has %s", want)
		}
	}
	if strings.Contains(all.String(), "tisjwt=") {
		t.Error("a client has the key in the address")
	}
}

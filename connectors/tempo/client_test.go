package tempo

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/secret"
)

func TestClients(t *testing.T) {
	t.Parallel()
	c, err := Open(connectors.Settings{Name: "tempo", Kind: "tempo", Token: secret.New("vendor-s3cret")}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, g := range c.Clients(connectors.ClientAddress{Base: "https://api.example.com/tempo", Read: "/4/worklogs"}) {
		all.WriteString(g.Code)
	}
	for _, want := range []string{"https://api.example.com/tempo/4/worklogs", `base_url="https://api.example.com/tempo/4"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no client has %s", want)
		}
	}
}

package brokered

import (
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
)

var _ connectors.ClientGuider = (*Connector)(nil)

// Clients says how any REST API is called through the gateway and, where the
// system is one we know, how its widely used clients are pointed there.
func (c *Connector) Clients(at connectors.ClientAddress) []connectors.ClientGuide {
	return slices.Concat(PlainClients(at), vendorClients(c.upstream, at))
}

// PlainClients call any REST API with what a language brings with it, or
// nearly.
func PlainClients(at connectors.ClientAddress) []connectors.ClientGuide {
	return []connectors.ClientGuide{
		{Name: "curl", Code: fill(`
curl --fail-with-body -H "Authorization: Bearer $LATCHKEY_KEY" \
  {base}{read}`, at), Notes: "--fail-with-body shows what a refusal says, and fails."},
		{Name: "Python, with requests", Code: fill(`
import os
import requests

session = requests.Session()
session.headers["Authorization"] = "Bearer " + os.environ["LATCHKEY_KEY"]
answer = session.get("{base}{read}", timeout=30)
if not answer.ok:
    raise SystemExit(f"{answer.status_code}: {answer.text}")
print(answer.text)`, at)},
		{Name: "Node.js, version 18 or newer", Code: fill(`
const answer = await fetch("{base}{read}", {
  headers: { Authorization: "Bearer " + process.env.LATCHKEY_KEY },
});
if (!answer.ok) throw new Error(answer.status + ": " + (await answer.text()));
console.log(await answer.text());`, at), Notes: "A file with this in it ends in .mjs."},
		{Name: "Go", Code: fill(`
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	r, err := http.NewRequest(http.MethodGet, "{base}{read}", nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("LATCHKEY_KEY"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		body, _ := io.ReadAll(answer.Body)
		log.Fatalf("%s: %s", answer.Status, body)
	}
	io.Copy(os.Stdout, answer.Body)
}`, at)},
	}
}

// fill puts the address into an example.
func fill(code string, at connectors.ClientAddress) string {
	base, host, path := at.Base, at.Base, ""
	if u, err := url.Parse(at.Base); err == nil {
		host, path = u.Host, strings.Trim(u.Path, "/")
	}
	return strings.NewReplacer("{base}", base, "{read}", at.Read, "{host}", host, "{path}", path).Replace(strings.TrimPrefix(code, "\n"))
}

// vendorClients are for a system that is known by its address. A gateway in
// front of a base URL with a path of its own would not see the paths that such
// clients send, so there are none for it.
func vendorClients(up connectors.Upstream, at connectors.ClientAddress) []connectors.ClientGuide {
	host, path := strings.ToLower(up.BaseURL.Hostname()), up.BaseURL.Path
	switch {
	case path == "" && (isOf(host, "gitlab.com") || strings.HasPrefix(host, "gitlab.") || strings.EqualFold(up.Header, "Private-Token")):
		return gitlabClients(at)
	case host == "api.github.com" && path == "", path == "/api/v3":
		return githubClients(at)
	case path == "" && isOf(host, "atlassian.net"):
		return jiraClients(at)
	}
	return nil
}

func isOf(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

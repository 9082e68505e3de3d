package bot

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/storage"
)

func TestOptionsSendTextBlocksAndUnfoldNothing(t *testing.T) {
	t.Parallel()
	m := cardMessage(pendingRequest(), "", 0)
	var values url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		values = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true,"channel":"C0","ts":"1.2"}`))
	}))
	defer server.Close()
	api := slack.New("token", slack.OptionAPIURL(server.URL+"/"), slack.OptionHTTPClient(server.Client()))
	if _, _, err := api.PostMessageContext(t.Context(), "C0", m.options()...); err != nil {
		t.Fatal(err)
	}
	blocks, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"text": {m.Text}, "blocks": {string(blocks)}, "unfurl_links": {"false"}, "unfurl_media": {"false"}, "token": {"token"}, "channel": {"C0"}}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestDigestTellsChanges(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, m := range map[string]message{
		"pending": cardMessage(pendingRequest(), "", 0), "why": cardMessage(pendingRequest(), "Because.", 0), "halfway": cardMessage(halfway(), "", 0),
		"denied": cardMessage(decided(storage.RequestDenied, "no", ""), "", 0), "text": {Text: "a"}, "other text": {Text: "b"},
	} {
		if again := m.digest(); again != m.digest() || again == "" {
			t.Errorf("%s: the digest is not stable", name)
		}
		if other, taken := seen[m.digest()]; taken {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[m.digest()] = name
	}
	one, same := cardMessage(pendingRequest(), "", 0), cardMessage(pendingRequest(), "", 0)
	if one.digest() != same.digest() {
		t.Error("the same message has two digests")
	}
}

package config_test

import (
	"strings"
	"testing"
)

// The log goes to nobody unencrypted, to nobody twice, and is signed with
// nothing that can be guessed.
func TestAuditSectionIsJudged(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, says string }{
		"plain http":        {`audit: {publish: {url: "http://10.0.0.7/log", secret: 0123456789abcdef}}`, "write https://, or allow_private"},
		"a short secret":    {`audit: {publish: {url: "https://log.example.com", secret: guess}}`, "at least 16 random characters"},
		"no secret":         {`audit: {webhooks: [{name: siem, url: "https://log.example.com", secrets: []}]}`, "secrets"},
		"an odd format":     {`audit: {webhooks: [{name: siem, url: "https://log.example.com", secrets: [0123456789abcdef], format: xml}]}`, "jsonl"},
		"a name with taste": {`audit: {webhooks: [{name: "(checkpoints)", url: "https://log.example.com", secrets: [0123456789abcdef]}]}`, "name the receiver"},
		"twice": {`audit: {webhooks: [{name: siem, url: "https://a.example.com", secrets: [0123456789abcdef]}, {name: siem, url: "https://b.example.com", secrets: [0123456789abcdef]}]}`,
			"audit.webhooks[0] has this name already"},
	} {
		p := problems(t, "latchkey.yaml", []byte(minimal+tc.text+"\n"))
		if !strings.Contains(p.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, p, tc.says)
		}
	}
	c := parse(t, minimal+`audit: {verify_every: 1m, publish: {url: "http://10.0.0.7/log", secret: 0123456789abcdef, allow_private: true}}`+"\n")
	if c.Audit.Publish.URL != "http://10.0.0.7/log" || c.Audit.VerifyEvery == 0 {
		t.Errorf("got %+v", c.Audit)
	}
}

package rest_test

import (
	"strings"
	"testing"

	"latchkey/connectors/rest"
)

func TestCheckBase(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{ // part of the error; empty for none
		"https://vendor.example":        "",
		"https://vendor.example/api/v4": "",
		"http://vendor.example":         "must be https",
		"hunter2":                       "not a URL",
		"https://":                      "not a URL",
		"http://[::1":                   "not a URL",
		"":                              "not a URL",
		"ftp://vendor.example":          "neither",
		"mailto://vendor.example":       "neither",
		"https://a:hunter2@v.example":   "holds a user",
		"https://v.example?x=hunter2":   "a query",
		"https://v.example?":            "a query",
		"https://v.example#hunter2":     "a fragment",
	} {
		base, err := rest.CheckBase("base_url", value, false)
		if want == "" {
			if err != nil || base.String() != value {
				t.Errorf("%q: %v, %v", value, base, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "base_url ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want one about %q", value, err, want)
		}
	}
	if _, err := rest.CheckBase("base_url", "http://127.0.0.1:1", true); err != nil {
		t.Errorf("with allow_private: %v", err)
	}
}

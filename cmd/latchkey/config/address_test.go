package config

import "testing"

func TestPublicURLs(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]bool{
		"https://latchkey.example.com":      true,
		"https://latchkey.example.com:8443": true,
		"https://example.com/latchkey/":     true,
		"http://localhost:8080":             true,
		"http://127.0.0.1:8080":             true,
		"http://[::1]:8080":                 true,
		"http://10.1.2.3":                   true,
		"http://latchkey:8080":              true, // a container's name
		"http://latchkey.internal":          true,
		"http://latchkey.example.com":       false,
		"http://8.8.8.8":                    false,
		"https://user@example.com":          false,
		"https://example.com/?a=b":          false,
		"https://example.com?":              false,
		"https://example.com/#top":          false,
		"https://example.com:99999":         false,
		"https://exa mple.com":              false,
		"https://":                          false,
		"https:///path":                     false,
		"https://a..b":                      false,
		"ftp://example.com":                 false,
		"example.com":                       false,
		"":                                  false,
		"%":                                 false,
	} {
		if err := judgePublicURL(give); (err == nil) != want {
			t.Errorf("%q: got %v, want it good: %v", give, err, want)
		}
	}
}

func TestListenAddresses(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]bool{
		"127.0.0.1:8080":  true,
		":8080":           true,
		"localhost:0":     true,
		"[::1]:8080":      true,
		"host.docker:80":  true,
		"127.0.0.1":       false,
		"8080":            false,
		"127.0.0.1:http":  false,
		"127.0.0.1:65536": false,
		"127.0.0.1:-1":    false,
		"a b:80":          false,
		"":                false,
	} {
		if err := judgeListen(give); (err == nil) != want {
			t.Errorf("%q: got %v, want it good: %v", give, err, want)
		}
	}
}

func TestKeepers(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]bool{
		"base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=": true,
		"base64key://":         false, // a new key at each start
		"base64key://AAAA":     false,
		"base64key://?????":    false,
		"base64key":            false,
		"awskms://alias/a?b=c": true,
		"awskms:///arn:aws:kms:eu-central-1:1:key/k": true,
		"gcpkms://projects/p/locations/l/k":          true,
		"azurekeyvault://v.vault.azure.net/keys/k":   true,
		"hashivault://latchkey":                      true,
		"hashivault://":                              false,
		"hashivault://a b":                           false,
		"file:///key":                                false,
	} {
		if err := judgeKeeper(give); (err == nil) != want {
			t.Errorf("%q: got %v, want it good: %v", give, err, want)
		}
	}
}

func TestDatabaseURLs(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]bool{
		"":                            true,
		"postgres://u:p@h/d":          true,
		"postgresql:///d?host=/run/p": true,
		"mysql://h/d":                 false,
		"localhost":                   false,
		"postgres://%zz":              false,
	} {
		if err := judgeDatabaseURL(give); (err == nil) != want {
			t.Errorf("%q: got %v, want it good: %v", give, err, want)
		}
	}
}

func TestSameListener(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "127.0.0.2:80", false},
		{":80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "0.0.0.0:80", true},
		{"[::]:80", "127.0.0.1:80", true},
		{":0", ":0", false},
	} {
		if got := sameListener(tc.a, tc.b); got != tc.want {
			t.Errorf("%s and %s: got %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}

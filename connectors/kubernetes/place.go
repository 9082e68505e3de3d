package kubernetes

import (
	"fmt"
	"strings"
)

// The longest names. A key may be longer in a Secret, but then no annotation
// could name it: its name is 63 characters with our prefix of six.
const (
	maxLabel     = 63
	maxSubdomain = 253
	maxKey       = 57
)

// place is one key of one Secret.
type place struct{ namespace, secret, key string }

// String is for people.
func (p place) String() string {
	return fmt.Sprintf("Secret %s/%s, key %s", p.namespace, p.secret, p.key)
}

// CheckPlace implements connectors.PlaceChecker.
func (c *Connector) CheckPlace(text string) error {
	_, err := c.parse(text)
	return err
}

// parse reads "secret/key" and "namespace/secret/key".
func (c *Connector) parse(text string) (place, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 2 {
		parts = append([]string{c.namespace}, parts...)
	}
	if len(parts) != 3 {
		return place{}, fmt.Errorf("%.100q is not a place in a cluster: write secret/key, or namespace/secret/key", text)
	}
	p := place{parts[0], parts[1], parts[2]}
	switch {
	case !isLabel(p.namespace):
		return place{}, fmt.Errorf("%.100q is not the name of a namespace: it has up to %d lower-case letters, digits and hyphens, and begins and ends with a letter or digit", p.namespace, maxLabel)
	case !isSubdomain(p.secret):
		return place{}, fmt.Errorf("%.100q is not the name of a Secret: it has up to %d lower-case letters, digits, hyphens and dots, and begins and ends with a letter or digit, also at each dot", p.secret, maxSubdomain)
	case !isKey(p.key):
		return place{}, fmt.Errorf("%.100q is not a key for a Secret: it has up to %d letters, digits, hyphens, underscores and dots, does not begin with two dots, and ends with a letter or digit", p.key, maxKey)
	}
	return p, nil
}

// isLabel is a DNS label by RFC 1123, as namespaces have it.
func isLabel(s string) bool {
	return s != "" && len(s) <= maxLabel && consists(s, "-") && isEnd(s[0]) && isEnd(s[len(s)-1]) && s == strings.ToLower(s)
}

// isSubdomain is a DNS subdomain by RFC 1123. Kubernetes does not bound the
// parts between its dots.
func isSubdomain(s string) bool {
	if len(s) > maxSubdomain || s != strings.ToLower(s) {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || !consists(part, "-") || !isEnd(part[0]) || !isEnd(part[len(part)-1]) {
			return false
		}
	}
	return true
}

func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && consists(s, "-_.") && !strings.HasPrefix(s, "..") && isEnd(s[len(s)-1])
}

// consists says that s has only ASCII letters, digits and the others.
func consists(s, others string) bool {
	for i := range len(s) {
		if !isEnd(s[i]) && !strings.Contains(others, s[i:i+1]) {
			return false
		}
	}
	return true
}

func isEnd(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

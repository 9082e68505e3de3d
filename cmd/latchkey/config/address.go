package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func judgePublicURL(s string) error {
	u, err := plainURL(s)
	if err != nil {
		return errors.New("write the address people or programs use, like https://latchkey.example.com")
	}
	if u.Scheme == "http" && !isLocal(u.Hostname()) {
		return errors.New("write https://, because keys pass here; http:// is for this machine and private networks")
	}
	return nil
}

// judgeBaseURL leaves the judgement on http to checkConnection, which knows
// whether private addresses are allowed.
func judgeBaseURL(s string) error {
	if _, err := plainURL(s); err != nil {
		return errors.New("write the system's address, like https://api.example.com, without user, query or fragment")
	}
	return nil
}

func judgeListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if _, ipErr := netip.ParseAddr(host); err != nil || host != "" && ipErr != nil && !isHostName(host) {
		return errors.New("write an address and a port, like 127.0.0.1:8080, or :8080 for every address of this machine")
	}
	return nil
}

// plainURL reads an http or https URL that has a host, and nothing that an
// address to build on can't have.
func plainURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	_, ipErr := netip.ParseAddr(u.Hostname())
	badPort := false
	if p := u.Port(); p != "" {
		_, err := strconv.ParseUint(p, 10, 16)
		badPort = err != nil
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https",
		ipErr != nil && !isHostName(u.Hostname()), badPort,
		u.User != nil, u.RawQuery != "", u.ForceQuery, strings.Contains(s, "#"):
		return nil, errors.New("not a plain http or https URL")
	}
	return u, nil
}

func isHostName(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return len(s) <= 253
}

// isLocal says whether a host is on this machine or a private network, as far
// as its name tells.
func isLocal(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true // localhost, a container's name
	}
	for _, private := range []string{".localhost", ".local", ".internal", ".test", ".home.arpa"} {
		if strings.HasSuffix(host, private) {
			return true
		}
	}
	return false
}

// defaultURL is the address of a listener for browsers on the same machine.
// Other listeners have none.
func defaultURL(listen string) (address string, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", false
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", false
	}
	if port == "0" {
		return "", true // known when it listens
	}
	return "http://" + listen, true
}

// sameListener says whether two addresses can't both be listened at.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	every := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return hostA == hostB || every(hostA) || every(hostB)
}

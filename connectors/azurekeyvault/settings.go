package azurekeyvault

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Open checks the settings, reporting every problem at once, and does not
// dial. Required are base_url, which is the vault's, and tenant_id, client_id
// and client_secret of an application that may get and set its secrets.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	problems := missing(s, rt)
	base, authority, err := vault(s.BaseURL)
	if s.BaseURL != "" && err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	wire := newWire(rt)
	client, err := azsecrets.NewClient("https://"+base.Host, &credential{
		tenant: s.TenantID, wire: wire.client, now: time.Now,
		config: clientcredentials.Config{
			ClientID: s.ClientID, ClientSecret: s.ClientSecret.Expose(), AuthStyle: oauth2.AuthStyleInParams,
			TokenURL: authority + url.PathEscape(s.TenantID) + "/oauth2/v2.0/token",
		},
	}, &azsecrets.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: wire,
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{ApplicationID: "latchkey"},
	}})
	if err != nil {
		return nil, fmt.Errorf("open connection %s: the client refused its settings", s.Name)
	}
	return &Connector{client: client, host: base.Host, turn: make(chan struct{}, 1)}, nil
}

func missing(s connectors.Settings, rt http.RoundTripper) []error {
	var problems []error
	for _, need := range []struct {
		key    string
		absent bool
	}{
		{"base_url", s.BaseURL == ""},
		{"tenant_id", s.TenantID == ""},
		{"client_id", s.ClientID == ""},
		{"client_secret", s.ClientSecret.Empty()},
		{"transport", rt == nil},
	} {
		if need.absent {
			problems = append(problems, fmt.Errorf("%w: %s", connectors.ErrMissing, need.key))
		}
	}
	for _, id := range []struct{ key, value string }{{"tenant_id", s.TenantID}, {"client_id", s.ClientID}} {
		if id.value != "" && !isGUID(id.value) {
			problems = append(problems, fmt.Errorf("%s is not an ID as the Azure portal shows it: 8-4-4-4-12 hexadecimal digits", id.key))
		}
	}
	return problems
}

// vault reads the address of a vault, which says in which of Microsoft's
// clouds it is, and with that who gives tokens for it.
func vault(text string) (base *url.URL, authority string, err error) {
	base, err = rest.CheckBase("base_url", text, false) // the client sends no token over http
	if err != nil {
		return nil, "", err
	}
	for suffix, in := range map[string]cloud.Configuration{
		".vault.azure.net":         cloud.AzurePublic,
		".vault.usgovcloudapi.net": cloud.AzureGovernment,
		".vault.azure.cn":          cloud.AzureChina,
	} {
		name, ok := strings.CutSuffix(strings.ToLower(base.Host), suffix)
		if ok && isName(name) && strings.Trim(base.Path, "/") == "" {
			return base, in.ActiveDirectoryAuthorityHost, nil
		}
	}
	return nil, "", errors.New("base_url is not the address of a vault: write https://NAME.vault.azure.net")
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

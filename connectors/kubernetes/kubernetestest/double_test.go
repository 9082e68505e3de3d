package kubernetestest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors/kubernetes/kubernetestest"
	"latchkey/secret"
)

// Wrong requests fail as they would at a server.
func TestStrictness(t *testing.T) {
	t.Parallel()
	const (
		all    = "/api/v1/namespaces/payroll/secrets"
		one    = all + "/tempo"
		review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
		plain  = "application/json"
		merge  = "application/merge-patch+json"
	)
	secretOf := func(rest string) string {
		return `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"new"` + rest + `}`
	}
	for name, tt := range map[string]struct {
		method, path, contentType, body string
		status                          int
		text                            string
	}{
		"get":                 {"GET", one, "", "", 200, `"token":"aGVycw=="`},
		"get another":         {"GET", all + "/x", "", "", 404, `secrets \"x\" not found`},
		"get with a query":    {"GET", one + "?x=1", "", "", 400, ""},
		"list":                {"GET", all, "", "", 404, ""},
		"put":                 {"PUT", one, plain, secretOf(""), 404, ""},
		"elsewhere":           {"GET", "/api/v1/secrets", "", "", 404, ""},
		"create":              {"POST", all, plain, secretOf(`},"data":{"a":"YQ=="}`), 201, `"type":"Opaque"`},
		"create twice":        {"POST", all, plain, strings.Replace(secretOf("}"), "new", "tempo", 1), 409, "AlreadyExists"},
		"create as YAML":      {"POST", all, "application/yaml", secretOf("}"), 415, ""},
		"unknown field":       {"POST", all, plain, secretOf(`},"datas":{}`), 400, ""},
		"not base64":          {"POST", all, plain, secretOf(`},"data":{"a":"*"}`), 400, ""},
		"bad key":             {"POST", all, plain, secretOf(`},"data":{"a b":"YQ=="}`), 422, "Invalid"},
		"bad annotation":      {"POST", all, plain, secretOf(`,"annotations":{"latchkey.dev/a.":"x"}}`), 422, "Invalid"},
		"bad label":           {"POST", all, plain, secretOf(`,"labels":{"a":"b c"}}`), 422, "Invalid"},
		"bad name":            {"POST", all, plain, strings.Replace(secretOf("}"), "new", "New", 1), 422, "Invalid"},
		"other namespace":     {"POST", all, plain, secretOf(`,"namespace":"x"}`), 400, "does not match"},
		"no such namespace":   {"POST", "/api/v1/namespaces/x/secrets", plain, secretOf("}"), 404, "namespaces"},
		"with a version":      {"POST", all, plain, secretOf(`,"resourceVersion":"1"}`), 500, ""},
		"no kind":             {"POST", all, plain, `{"metadata":{"name":"new"}}`, 400, ""},
		"merge":               {"PATCH", one, merge, `{"metadata":{"annotations":{"a":"b","c":null}},"data":{"token":null}}`, 200, `"annotations":{"a":"b"}`},
		"merge as JSON":       {"PATCH", one, plain, `{}`, 415, ""},
		"merge into nothing":  {"PATCH", all + "/x", merge, `{}`, 404, ""},
		"merge a stale one":   {"PATCH", one, merge, `{"metadata":{"resourceVersion":"1"}}`, 409, "the object has been modified"},
		"merge another type":  {"PATCH", one, merge, `{"type":"kubernetes.io/tls"}`, 422, "immutable"},
		"merge another name":  {"PATCH", one, merge, `{"metadata":{"name":"x"}}`, 422, "immutable"},
		"merge unknown field": {"PATCH", one, merge, `{"x":1}`, 400, ""},
		"review":              {"POST", review, plain, `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"namespace":"payroll","verb":"list","resource":"secrets"}}}`, 201, `"allowed":false`},
		"review of nothing":   {"POST", review, plain, `{}`, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := secret.Token(30)
			d, base := kubernetestest.Start(t, kubernetestest.Config{Token: token})
			d.Put("payroll", "tempo", map[string]string{"token": "hers"})
			status, text := call(t, tt.method, base+tt.path, tt.contentType, tt.body, token.Expose())
			if status != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("answered %d %s, want %d with %q", status, text, tt.status, tt.text)
			}
			if status, _ := call(t, tt.method, base+tt.path, tt.contentType, tt.body, "x"); status != 401 {
				t.Errorf("with another token: answered %d, want 401", status)
			}
		})
	}
}

func call(t *testing.T, method, url, contentType, body, token string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

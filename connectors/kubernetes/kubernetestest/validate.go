package kubernetestest

import (
	"bytes"
	"maps"
	"regexp"
	"strings"
)

// The patterns and sizes of k8s.io/apimachinery's validation and of core/v1.
const (
	labelPattern     = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	subdomainPattern = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	keyPattern       = `^[-._a-zA-Z0-9]+$`
	namePattern      = `^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$` // of labels and annotations, after their prefix

	maxName        = 253
	maxPart        = 63
	maxData        = 1 << 20
	maxAnnotations = 256 << 10
)

func matches(pattern, s string, longest int) bool {
	return len(s) <= longest && regexp.MustCompile(pattern).MatchString(s)
}

// invalid is what the server finds wrong with an object, or empty.
func (o object) invalid() string {
	switch {
	case !matches(subdomainPattern, o.Metadata.Name, maxName):
		return "metadata.name: Invalid value: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
	case !matches(labelPattern, o.Metadata.Namespace, maxPart):
		return "metadata.namespace: Invalid value"
	}
	size := 0
	for key, value := range o.Data {
		if !matches(keyPattern, key, maxName) || key == "." || strings.HasPrefix(key, "..") {
			return "data[" + key + "]: Invalid value: a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
		}
		size += len(value)
	}
	if size > maxData {
		return "data: Too long: may not be more than 1048576 bytes"
	}
	for key, value := range o.Metadata.Labels {
		if !qualified(key) || value != "" && !matches(namePattern, value, maxPart) {
			return "metadata.labels: Invalid value"
		}
	}
	size = 0
	for key, value := range o.Metadata.Annotations {
		if !qualified(strings.ToLower(key)) {
			return "metadata.annotations: Invalid value: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
		}
		size += len(key) + len(value)
	}
	if size > maxAnnotations {
		return "metadata.annotations: Too long: may not be more than 262144 bytes"
	}
	return ""
}

// qualified is a name with an optional DNS prefix.
func qualified(key string) bool {
	prefix, part, ok := strings.Cut(key, "/")
	if !ok {
		prefix, part = "x", key
	}
	return matches(subdomainPattern, prefix, maxName) && matches(namePattern, part, maxPart)
}

// differs is what a change may not change, or empty.
func (o object) differs(old object) string {
	frozen := old.Immutable != nil && *old.Immutable
	switch {
	case o.APIVersion != old.APIVersion || o.Kind != old.Kind || o.Metadata.Name != old.Metadata.Name ||
		o.Metadata.Namespace != old.Metadata.Namespace || o.Metadata.UID != old.Metadata.UID ||
		o.Metadata.CreationTimestamp != old.Metadata.CreationTimestamp || o.Metadata.DeletionTimestamp != old.Metadata.DeletionTimestamp:
		return "metadata: Invalid value: field is immutable"
	case o.Type != old.Type:
		return "type: Invalid value: field is immutable"
	case frozen && (o.Immutable == nil || !*o.Immutable || !maps.EqualFunc(o.Data, old.Data, bytes.Equal)):
		return "data: Forbidden: field is immutable when `immutable` is set"
	}
	return ""
}

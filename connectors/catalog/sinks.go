package catalog

import (
	"latchkey/connectors/awssecrets"
	"latchkey/connectors/azurekeyvault"
	"latchkey/connectors/gcpsecrets"
	"latchkey/connectors/githubsecrets"
	"latchkey/connectors/kubernetes"
	"latchkey/connectors/vault"
)

// sinks are the kinds that keep approved keys where programs read them.
func sinks() []Kind {
	return []Kind{
		{
			Name:   "vault",
			Title:  "HashiCorp Vault",
			Fields: []string{"owners", "base_url", "allow_private", "token", "namespace", "mount", "places"},
			Open:   opener(vault.Open),
			Notes:  "sink: KV version 2 (OpenBao too), replaced by check-and-set; renews its own token",
			shape:  (*vault.Connector)(nil),
		},
		{
			Name:   "awssecrets",
			Title:  "AWS Secrets Manager",
			Fields: []string{"owners", "base_url", "allow_private", "region", "access_key_id", "secret_access_key", "places"},
			Open:   opener(awssecrets.Open),
			Notes:  "sink: a version becomes current only in the place of the one it replaces",
			shape:  (*awssecrets.Connector)(nil),
		},
		{
			Name:   "gcpsecrets",
			Title:  "Google Secret Manager",
			Fields: []string{"owners", "base_url", "allow_private", "project", "credentials", "places"},
			Open:   opener(gcpsecrets.Open),
			Notes:  "sink: adds versions; the vendor has no check-and-set, so the newest is compared right before",
			shape:  (*gcpsecrets.Connector)(nil),
		},
		{
			Name:   "azurekeyvault",
			Title:  "Azure Key Vault",
			Fields: []string{"owners", "base_url", "allow_private", "tenant_id", "client_id", "client_secret", "places"},
			Open:   opener(azurekeyvault.Open),
			Notes:  "sink: secrets of one vault, with the label and the facts as tags",
			shape:  (*azurekeyvault.Connector)(nil),
		},
		{
			Name:   "kubernetes",
			Title:  "Kubernetes Secrets",
			Fields: []string{"owners", "base_url", "allow_private", "token", "namespace", "certificate", "places"},
			Open:   opener(kubernetes.Open),
			Notes:  "sink: one key of one Secret; a service account that may get, create and patch Secrets; never touches other keys",
			shape:  (*kubernetes.Connector)(nil),
		},
		{
			Name:   "githubsecrets",
			Title:  "GitHub Actions secrets",
			Fields: []string{"owners", "base_url", "allow_private", "token", "app_id", "installation_id", "private_key", "places"},
			Open:   opener(githubsecrets.Open),
			Notes:  "sink: secrets of repositories and environments; a variable NAME_LATCHKEY beside each says whose it is",
			shape:  (*githubsecrets.Connector)(nil),
		},
	}
}

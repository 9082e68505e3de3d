package server

import (
	"cmp"
	"net/http"

	"latchkey/workflow"
)

// object is a JSON object that is written once and read by programs.
type object = map[string]any

// providerConfig says what this server can do (RFC 7643, 5).
func (d *scim) providerConfig() object {
	return object{
		"schemas":        []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":          object{"supported": true},
		"bulk":           object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         object{"supported": true, "maxResults": workflow.SCIMMaxPage},
		"changePassword": object{"supported": false},
		"sort":           object{"supported": false},
		"etag":           object{"supported": true},
		"authenticationSchemes": []object{{"type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
			"description": "A key of Latchkey's own with the scope " + workflow.ScopeProvision + ", asked for in Slack.",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750"}},
		"meta": d.metaOf("ServiceProviderConfig", "ServiceProviderConfig"),
	}
}

func (d *scim) metaOf(kind, path string) object {
	return object{"resourceType": kind, "location": d.workflow.PublicURL + scimRoot + path}
}

// resourceTypes says what sorts of resource there are (RFC 7643, 6).
func (d *scim) resourceTypes() []map[string]any {
	user := object{"id": "User", "name": "User", "endpoint": "/Users", "description": "User Account", "schema": workflow.SCIMUserSchema,
		"schemaExtensions": []object{{"schema": workflow.SCIMEnterpriseSchema, "required": false}}}
	group := object{"id": "Group", "name": "Group", "endpoint": "/Groups", "description": "Group", "schema": workflow.SCIMGroupSchema}
	out := []map[string]any{user, group}
	for _, t := range out {
		t["schemas"] = []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}
		t["meta"] = d.metaOf("ResourceType", "ResourceTypes/"+t["id"].(string))
	}
	return out
}

// schemas says what attributes there are (RFC 7643, 7).
func (d *scim) schemas() []map[string]any {
	all := workflow.SCIMSchemas()
	out := make([]map[string]any, len(all))
	for i, s := range all {
		out[i] = object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": s.URN, "name": s.Name,
			"description": s.Description, "attributes": attributes(s.Attributes), "meta": d.metaOf("Schema", "Schemas/"+s.URN)}
	}
	return out
}

func attributes(all []workflow.SCIMAttribute) []object {
	out := make([]object, len(all))
	for i, a := range all {
		out[i] = object{
			"name":        a.Name,
			"type":        cmp.Or(a.Type, "string"),
			"multiValued": a.Multi,
			"description": a.Description,
			"required":    a.Required,
			"caseExact":   a.CaseExact,
			"mutability":  cmp.Or(a.Mutability, "readWrite"),
			"returned":    cmp.Or(a.Returned, "default"),
			"uniqueness":  cmp.Or(a.Uniqueness, "none"),
		}
		if len(a.Canonical) > 0 {
			out[i]["canonicalValues"] = a.Canonical
		}
		if len(a.References) > 0 {
			out[i]["referenceTypes"] = a.References
		}
		if len(a.Sub) > 0 {
			out[i]["subAttributes"] = attributes(a.Sub)
		}
	}
	return out
}

// oneOf finds what has an id.
func oneOf(all []map[string]any, id string) (any, error) {
	for _, one := range all {
		if one["id"] == id {
			return one, nil
		}
	}
	return nil, scimRefuse(http.StatusNotFound, "", "There is no such resource.")
}

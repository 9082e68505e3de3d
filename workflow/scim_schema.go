package workflow

import (
	"slices"
	"strings"
)

// SCIMSchema describes the attributes of a sort of resource (RFC 7643, 7).
type SCIMSchema struct {
	URN         string
	Name        string
	Description string
	Attributes  []SCIMAttribute
}

// SCIMAttribute describes one attribute. The zero values are the usual ones.
type SCIMAttribute struct {
	Name        string
	Type        string // empty: string
	Description string
	Multi       bool
	Required    bool
	CaseExact   bool
	Mutability  string // empty: readWrite
	Returned    string // empty: default
	Uniqueness  string // empty: none
	Canonical   []string
	References  []string
	Sub         []SCIMAttribute
}

// The types of attributes that are more than text.
const (
	scimBoolean   = "boolean"
	scimComplex   = "complex"
	scimDateTime  = "dateTime"
	scimReference = "reference"
	scimReadOnly  = "readOnly"
)

// scimType is what one resource type knows: its own schema and extensions.
type scimType struct {
	name       string // "User"
	core       SCIMSchema
	extensions []SCIMSchema
}

// SCIMSchemas lists what there is, each attribute of it.
func SCIMSchemas() []SCIMSchema {
	return []SCIMSchema{scimUserSchema, scimEnterpriseSchema, scimGroupSchema}
}

var (
	scimUserType  = scimType{"User", scimUserSchema, []SCIMSchema{scimEnterpriseSchema}}
	scimGroupType = scimType{"Group", scimGroupSchema, nil}
)

// scimCommon are the attributes that every resource has (RFC 7643, 3.1).
var scimCommon = []SCIMAttribute{
	{Name: "schemas", Type: scimReference, Multi: true, Mutability: scimReadOnly, CaseExact: true},
	{Name: "id", CaseExact: true, Mutability: scimReadOnly, Returned: "always"},
	{Name: "externalId", CaseExact: true},
	{Name: "meta", Type: scimComplex, Mutability: scimReadOnly, Sub: []SCIMAttribute{
		{Name: "resourceType", CaseExact: true}, {Name: "created", Type: scimDateTime}, {Name: "lastModified", Type: scimDateTime},
		{Name: "location", Type: scimReference, CaseExact: true}, {Name: "version", CaseExact: true}}},
}

// extension finds a schema of a type by its name, in any case.
func (t scimType) extension(urn string) (SCIMSchema, bool) {
	i := slices.IndexFunc(t.extensions, func(s SCIMSchema) bool { return strings.EqualFold(s.URN, urn) })
	if i < 0 {
		return SCIMSchema{}, false
	}
	return t.extensions[i], true
}

// attribute finds an attribute by its name in any case; of an extension if urn
// names one.
func (t scimType) attribute(urn, name string) (SCIMAttribute, bool) {
	if urn == "" || strings.EqualFold(urn, t.core.URN) {
		if a, ok := findSCIM(scimCommon, name); ok {
			return a, true
		}
		return findSCIM(t.core.Attributes, name)
	}
	ext, ok := t.extension(urn)
	if !ok {
		return SCIMAttribute{}, false
	}
	return findSCIM(ext.Attributes, name)
}

func findSCIM(all []SCIMAttribute, name string) (SCIMAttribute, bool) {
	i := slices.IndexFunc(all, func(a SCIMAttribute) bool { return strings.EqualFold(a.Name, name) })
	if i < 0 {
		return SCIMAttribute{}, false
	}
	return all[i], true
}

func (a SCIMAttribute) sub(name string) (SCIMAttribute, bool) { return findSCIM(a.Sub, name) }

func (a SCIMAttribute) readOnly() bool { return a.Mutability == scimReadOnly }

// isPassword tells whether an attribute is one that is never kept, returned or
// compared.
func isPassword(name string) bool { return strings.EqualFold(name, "password") }

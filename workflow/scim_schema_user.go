package workflow

// scimUserSchema is RFC 7643, 4.1, without the password, which is never kept.
var scimUserSchema = SCIMSchema{URN: SCIMUserSchema, Name: "User", Description: "User Account", Attributes: []SCIMAttribute{
	{Name: "userName", Required: true, Uniqueness: "server", Description: "The name that the directory knows the user by."},
	{Name: "name", Type: scimComplex, Description: "The parts of the user's name.", Sub: []SCIMAttribute{
		{Name: "formatted", Description: "The whole name, as it is shown."},
		{Name: "familyName", Description: "The family name."},
		{Name: "givenName", Description: "The given name."},
		{Name: "middleName", Description: "The middle name."},
		{Name: "honorificPrefix", Description: "The title before the name."},
		{Name: "honorificSuffix", Description: "The suffix after the name."},
	}},
	{Name: "displayName", Description: "The name that people see."},
	{Name: "nickName", Description: "What the user is called casually."},
	{Name: "profileUrl", Type: scimReference, References: []string{"external"}, CaseExact: true, Description: "The address of the user's profile."},
	{Name: "title", Description: "The user's job title."},
	{Name: "userType", Description: "How the user belongs to the organization."},
	{Name: "preferredLanguage", Description: "The language that the user prefers."},
	{Name: "locale", Description: "How dates and numbers are written for the user."},
	{Name: "timezone", Description: "The user's time zone, from the IANA database."},
	{Name: "active", Type: scimBoolean, Description: "Whether the user is one at present. Turning false is a leave: everything that the person holds stops."},
	scimPlural("emails", "E-mail addresses. The primary or the work address tells who the person is.", "work", "home", "other"),
	scimPlural("phoneNumbers", "Phone numbers.", "work", "home", "mobile", "fax", "pager", "other"),
	scimPlural("ims", "Addresses of instant messaging.", "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
	scimPhotos(),
	{Name: "addresses", Type: scimComplex, Multi: true, Description: "Postal addresses.", Sub: []SCIMAttribute{
		{Name: "formatted", Description: "The whole address."},
		{Name: "streetAddress", Description: "Street and number."},
		{Name: "locality", Description: "The city."},
		{Name: "region", Description: "The state or region."},
		{Name: "postalCode", Description: "The postal code."},
		{Name: "country", Description: "The country."},
		{Name: "type", Canonical: []string{"work", "home", "other"}, Description: "What the address is for."},
		{Name: "primary", Type: scimBoolean, Description: "Whether it is the preferred one."},
	}},
	{Name: "groups", Type: scimComplex, Multi: true, Mutability: scimReadOnly, Description: "The groups that the user is in. Groups change them.", Sub: []SCIMAttribute{
		{Name: "value", Mutability: scimReadOnly, CaseExact: true, Description: "The id of the group."},
		{Name: "$ref", Type: scimReference, References: []string{"Group"}, Mutability: scimReadOnly, CaseExact: true, Description: "The address of the group."},
		{Name: "display", Mutability: scimReadOnly, Description: "The group's displayName."},
		{Name: "type", Canonical: []string{"direct"}, Mutability: scimReadOnly, Description: "Groups are not nested, so it is direct."},
	}},
	scimPlural("entitlements", "What the user is entitled to, in the directory's words."),
	scimPlural("roles", "The user's roles, in the directory's words."),
	{Name: "x509Certificates", Type: scimComplex, Multi: true, Description: "Certificates of the user.", Sub: []SCIMAttribute{
		{Name: "value", Type: "binary", CaseExact: true, Description: "The certificate, in DER and base 64."},
		{Name: "display", Description: "How people read it."},
		{Name: "type", Description: "What it is for."},
		{Name: "primary", Type: scimBoolean, Description: "Whether it is the preferred one."},
	}},
}}

// scimPlural is an attribute with several values, of the shape that most have.
func scimPlural(name, description string, types ...string) SCIMAttribute {
	return SCIMAttribute{Name: name, Type: scimComplex, Multi: true, Description: description, Sub: []SCIMAttribute{
		{Name: "value", Description: "The value itself."},
		{Name: "display", Description: "How people read it."},
		{Name: "type", Canonical: types, Description: "What it is for."},
		{Name: "primary", Type: scimBoolean, Description: "Whether it is the preferred one."},
	}}
}

func scimPhotos() SCIMAttribute {
	a := scimPlural("photos", "Addresses of photos of the user.", "photo", "thumbnail")
	a.Sub[0].Type, a.Sub[0].References, a.Sub[0].CaseExact = scimReference, []string{"external"}, true
	return a
}

// scimEnterpriseSchema is RFC 7643, 4.3.
var scimEnterpriseSchema = SCIMSchema{URN: SCIMEnterpriseSchema, Name: "EnterpriseUser", Description: "Enterprise User", Attributes: []SCIMAttribute{
	{Name: "employeeNumber", Description: "The number of the user in the organization."},
	{Name: "costCenter", Description: "The cost center."},
	{Name: "organization", Description: "The organization."},
	{Name: "division", Description: "The division."},
	{Name: "department", Description: "The department."},
	{Name: "manager", Type: scimComplex, Description: "The user's manager, who is told of what the user can't be told.", Sub: []SCIMAttribute{
		{Name: "value", CaseExact: true, Description: "The id of the manager's own User."},
		{Name: "$ref", Type: scimReference, References: []string{"User"}, CaseExact: true, Description: "The address of the manager's own User."},
		{Name: "displayName", Description: "The manager's displayName."},
	}},
}}

// scimGroupSchema is RFC 7643, 4.2.
var scimGroupSchema = SCIMSchema{URN: SCIMGroupSchema, Name: "Group", Description: "Group", Attributes: []SCIMAttribute{
	{Name: "displayName", Required: true, Uniqueness: "server", Description: "The name of the group, by which the configuration knows it."},
	{Name: "members", Type: scimComplex, Multi: true, Description: "The users in the group. Groups in groups are not kept.", Sub: []SCIMAttribute{
		{Name: "value", Mutability: "immutable", CaseExact: true, Description: "The id of the user."},
		{Name: "$ref", Type: scimReference, References: []string{"User"}, Mutability: "immutable", CaseExact: true, Description: "The address of the user."},
		{Name: "type", Canonical: []string{"User"}, Mutability: "immutable", Description: "What the member is."},
		{Name: "display", Mutability: scimReadOnly, Description: "The user's displayName, or userName."},
	}},
}}

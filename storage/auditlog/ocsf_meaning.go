package auditlog

// meaningOf puts an action into the framework's words.
func meaningOf(action string) ocsfMeaning {
	if m, ok := ocsfMeanings[action]; ok {
		return m
	}
	return ocsfMeaning{class: ocsfBase, activity: ocsfOther, name: action, severity: ocsfInformational}
}

// ocsfMeanings has every action that Latchkey records, and a test that holds
// it to that. What a system's credential goes through is the management of an
// entity; what somebody should look into is a finding.
var ocsfMeanings = map[string]ocsfMeaning{
	"account.relinked": {class: ocsfAccount, activity: ocsfOther, name: "Relink", severity: ocsfLow},

	"audit.accepted":        ocsfManage(ocsfUpdate, ocsfHigh),
	"audit.delivered_again": ocsfManage(ocsfRead, ocsfLow),
	"audit.quarantined":     {class: ocsfFinding, activity: ocsfCreate, severity: ocsfCritical},

	"batch.done":    ocsfManage(ocsfUpdate, ocsfInformational),
	"batch.dropped": ocsfManage(ocsfDelete, ocsfLow),
	"batch.held":    {class: ocsfFinding, activity: ocsfCreate, severity: ocsfHigh},
	"batch.running": ocsfManage(ocsfCreate, ocsfInformational),

	"campaign.canceled": ocsfManage(ocsfDelete, ocsfInformational),
	"campaign.done":     ocsfManage(ocsfUpdate, ocsfInformational),
	"campaign.ending":   ocsfManage(ocsfUpdate, ocsfInformational),
	"campaign.reminded": ocsfManage(ocsfRead, ocsfInformational),
	"campaign.running":  ocsfManage(ocsfCreate, ocsfInformational),

	"credential.active":          ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.adopted":         ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.connected":       ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.delivered":       ocsfManage(ocsfRead, ocsfInformational),
	"credential.delivery_failed": {class: ocsfEntity, activity: ocsfRead, severity: ocsfLow, failed: true},
	"credential.end_changed":     ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.entitled":        {class: ocsfFinding, activity: ocsfFindingUpdate, severity: ocsfInformational},
	"credential.exempted":        ocsfManage(ocsfUpdate, ocsfLow),
	"credential.expired":         ocsfManage(ocsfDelete, ocsfInformational),
	"credential.extended":        ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.handed_over":     ocsfManage(ocsfUpdate, ocsfLow),
	"credential.issue_failed":    {class: ocsfEntity, activity: ocsfCreate, severity: ocsfLow, failed: true},
	"credential.issuing":         ocsfManage(ocsfCreate, ocsfInformational),
	"credential.kept":            ocsfManage(ocsfRead, ocsfInformational),
	"credential.labelled":        ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.leaked":          {class: ocsfFinding, activity: ocsfCreate, severity: ocsfCritical},
	"credential.let_expire":      ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.narrowed":        {class: ocsfUserAccess, activity: ocsfRevoke, severity: ocsfInformational},
	"credential.noted":           ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.replaced":        ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.revealed":        ocsfManage(ocsfRead, ocsfLow),
	"credential.revoke_failed":   {class: ocsfEntity, activity: ocsfDelete, severity: ocsfHigh, failed: true},
	"credential.revoked":         ocsfManage(ocsfDelete, ocsfInformational),
	"credential.revoking":        ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.rotation_begun":  ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.rotation_failed": {class: ocsfEntity, activity: ocsfUpdate, severity: ocsfMedium, failed: true},
	"credential.scopes_restored": {class: ocsfUserAccess, activity: ocsfAssign, severity: ocsfLow},
	"credential.spared":          {class: ocsfFinding, activity: ocsfFindingUpdate, severity: ocsfInformational},
	"credential.stray_ended":     ocsfManage(ocsfDelete, ocsfMedium),
	"credential.suspended":       ocsfManage(ocsfUpdate, ocsfInformational),
	"credential.unentitled":      {class: ocsfFinding, activity: ocsfCreate, severity: ocsfMedium},
	"credential.warned":          {class: ocsfFinding, activity: ocsfCreate, severity: ocsfMedium},

	"group.created":        {class: ocsfGroup, activity: ocsfGroupCreate, severity: ocsfInformational},
	"group.deleted":        {class: ocsfGroup, activity: ocsfGroupDelete, severity: ocsfLow},
	"group.member_added":   {class: ocsfGroup, activity: ocsfGroupAddUser, severity: ocsfLow, withUser: true},
	"group.member_removed": {class: ocsfGroup, activity: ocsfGroupRemoveUser, severity: ocsfInformational, withUser: true},
	"group.renamed":        {class: ocsfGroup, activity: ocsfOther, name: "Rename", severity: ocsfLow},
	"group.updated":        {class: ocsfGroup, activity: ocsfOther, name: "Update", severity: ocsfInformational},

	"offboarding.closed": ocsfManage(ocsfUpdate, ocsfInformational),
	"offboarding.held":   {class: ocsfFinding, activity: ocsfCreate, severity: ocsfHigh},
	"offboarding.open":   ocsfManage(ocsfCreate, ocsfLow),
	"offboarding.paged":  {class: ocsfFinding, activity: ocsfCreate, severity: ocsfHigh},
	"offboarding.undone": ocsfManage(ocsfDelete, ocsfLow),
	"offboarding.waived": ocsfManage(ocsfUpdate, ocsfMedium),

	"person.adopted":       {class: ocsfAccount, activity: ocsfOther, name: "Adopt", severity: ocsfInformational},
	"person.conflict":      {class: ocsfFinding, activity: ocsfCreate, severity: ocsfMedium},
	"person.erased":        {class: ocsfAccount, activity: ocsfOther, name: "Erase", severity: ocsfLow},
	"person.left":          {class: ocsfAccount, activity: ocsfAccountDisable, severity: ocsfLow},
	"person.provisioned":   {class: ocsfAccount, activity: ocsfAccountCreate, severity: ocsfInformational},
	"person.relinked":      {class: ocsfAccount, activity: ocsfOther, name: "Relink", severity: ocsfLow},
	"person.returned":      {class: ocsfAccount, activity: ocsfAccountEnable, severity: ocsfLow},
	"person.signed_in":     {class: ocsfAccount, activity: ocsfOther, name: "Sign in", severity: ocsfInformational},
	"person.signed_out":    {class: ocsfAccount, activity: ocsfOther, name: "Sign out", severity: ocsfInformational},
	"person.still_fenced":  {class: ocsfFinding, activity: ocsfCreate, severity: ocsfMedium},
	"person.unprovisioned": {class: ocsfAccount, activity: ocsfOther, name: "Unprovision", severity: ocsfLow},
	"person.updated":       {class: ocsfAccount, activity: ocsfOther, name: "Update", severity: ocsfInformational},

	"request.approved":  {class: ocsfUserAccess, activity: ocsfAssign, severity: ocsfInformational},
	"request.canceled":  ocsfManage(ocsfDelete, ocsfInformational),
	"request.denied":    ocsfManage(ocsfUpdate, ocsfInformational),
	"request.failed":    {class: ocsfEntity, activity: ocsfUpdate, severity: ocsfLow, failed: true},
	"request.fulfilled": ocsfManage(ocsfUpdate, ocsfInformational),
	"request.lapsed":    ocsfManage(ocsfUpdate, ocsfInformational),
	"request.pending":   ocsfManage(ocsfCreate, ocsfInformational),

	"review.approve": ocsfManage(ocsfUpdate, ocsfInformational),
	"review.deny":    ocsfManage(ocsfUpdate, ocsfInformational),
	"review.voided":  ocsfManage(ocsfUpdate, ocsfLow),

	"sync.asked": ocsfManage(ocsfRead, ocsfInformational),
}

package auditlog

// ocsfClass is the uid of an event class.
type ocsfClass int

const (
	ocsfBase           ocsfClass = 0
	ocsfFinding        ocsfClass = 2004
	ocsfAccount        ocsfClass = 3001
	ocsfAuthentication ocsfClass = 3002
	ocsfEntity         ocsfClass = 3004
	ocsfUserAccess     ocsfClass = 3005
	ocsfGroup          ocsfClass = 3006
)

// String is the class's caption.
func (c ocsfClass) String() string {
	switch c {
	case ocsfFinding:
		return "Detection Finding"
	case ocsfAccount:
		return "Account Change"
	case ocsfAuthentication:
		return "Authentication"
	case ocsfEntity:
		return "Entity Management"
	case ocsfUserAccess:
		return "User Access Management"
	case ocsfGroup:
		return "Group Management"
	case ocsfBase:
	}
	return "Base Event"
}

func (c ocsfClass) category() int { return int(c) / 1000 }

func (c ocsfClass) categoryName() string {
	switch c.category() {
	case 2:
		return "Findings"
	case 3:
		return "Identity & Access Management"
	}
	return "Uncategorized"
}

// ocsfSeverity is how soon somebody should look.
type ocsfSeverity int

const (
	ocsfInformational ocsfSeverity = iota + 1
	ocsfLow
	ocsfMedium
	ocsfHigh
	ocsfCritical
)

// String is the severity's caption.
func (s ocsfSeverity) String() string {
	return [...]string{"Unknown", "Informational", "Low", "Medium", "High", "Critical"}[s]
}

// ocsfMeaning is what an action is in the framework's words.
type ocsfMeaning struct {
	class    ocsfClass
	activity int
	name     string // our own, of what is Other there
	severity ocsfSeverity
	failed   bool
	withUser bool // of a group: the event is about a member
}

const ocsfOther = 99

// The activities that we use.
const (
	ocsfCreate = 1
	ocsfRead   = 2
	ocsfUpdate = 3
	ocsfDelete = 4

	ocsfFindingUpdate = 2

	ocsfAccountCreate  = 1
	ocsfAccountEnable  = 2
	ocsfAccountDisable = 5

	ocsfLogon  = 1
	ocsfLogoff = 2

	ocsfAssign = 1
	ocsfRevoke = 2

	ocsfGroupAddUser    = 3
	ocsfGroupRemoveUser = 4
	ocsfGroupDelete     = 5
	ocsfGroupCreate     = 6
)

// ocsfActivities are the captions of the activities, by class.
var ocsfActivities = map[ocsfClass]map[int]string{
	ocsfFinding:        {ocsfCreate: "Create", ocsfFindingUpdate: "Update"},
	ocsfAccount:        {ocsfAccountCreate: "Create", ocsfAccountEnable: "Enable", ocsfAccountDisable: "Disable"},
	ocsfAuthentication: {ocsfLogon: "Logon", ocsfLogoff: "Logoff"},
	ocsfEntity:         {ocsfCreate: "Create", ocsfRead: "Read", ocsfUpdate: "Update", ocsfDelete: "Delete"},
	ocsfUserAccess:     {ocsfAssign: "Assign Privileges", ocsfRevoke: "Revoke Privileges"},
	ocsfGroup:          {ocsfGroupAddUser: "Add User", ocsfGroupRemoveUser: "Remove User", ocsfGroupDelete: "Delete", ocsfGroupCreate: "Create"},
}

func (m ocsfMeaning) activityName() string {
	if m.activity == ocsfOther {
		return m.name
	}
	return ocsfActivities[m.class][m.activity]
}

func (m ocsfMeaning) typeName() string {
	if m.activity == ocsfOther {
		return m.class.String() + ": Other"
	}
	return m.class.String() + ": " + m.activityName()
}

func ocsfManage(activity int, severity ocsfSeverity) ocsfMeaning {
	return ocsfMeaning{class: ocsfEntity, activity: activity, severity: severity}
}

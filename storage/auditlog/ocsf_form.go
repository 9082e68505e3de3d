package auditlog

// The members are in the order of their names, as in Entry.Record.
type ocsfEvent struct {
	Activity     int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	Actor        *ocsfActor     `json:"actor,omitempty"`
	CategoryName string         `json:"category_name"`
	Category     int            `json:"category_uid"`
	ClassName    string         `json:"class_name"`
	Class        ocsfClass      `json:"class_uid"`
	Comment      string         `json:"comment,omitempty"`
	Entity       *ocsfManaged   `json:"entity,omitempty"`
	Finding      *ocsfFindingOf `json:"finding_info,omitempty"`
	Group        *ocsfGroupOf   `json:"group,omitempty"`
	Message      string         `json:"message"`
	Metadata     ocsfMetadata   `json:"metadata"`
	Privileges   []string       `json:"privileges,omitempty"`
	Resources    []ocsfManaged  `json:"resources,omitempty"`
	Service      *ocsfService   `json:"service,omitempty"`
	SeverityName string         `json:"severity"`
	Severity     ocsfSeverity   `json:"severity_id"`
	StatusName   string         `json:"status,omitempty"`
	Status       int            `json:"status_id,omitempty"` // 1 success, 2 failure
	Time         int64          `json:"time"`                // milliseconds since 1970
	TypeName     string         `json:"type_name"`
	Type         int            `json:"type_uid"`
	Unmapped     ocsfUnmapped   `json:"unmapped"`
	User         *ocsfUser      `json:"user,omitempty"`
}

type ocsfMetadata struct {
	Correlation string      `json:"correlation_uid,omitempty"` // the Slack or HTTP request that carried it
	Code        string      `json:"event_code"`                // our action
	Log         string      `json:"log_name"`
	Provider    string      `json:"log_provider"`
	Original    string      `json:"original_time"`
	Product     ocsfProduct `json:"product"`
	Sequence    int64       `json:"sequence"` // the position in the log
	UID         string      `json:"uid"`      // origin/position
	Version     string      `json:"version"`
}

type ocsfProduct struct {
	Feature ocsfFeature `json:"feature"`
	Name    string      `json:"name"`
	Vendor  string      `json:"vendor_name"`
}

type ocsfFeature struct {
	Name string `json:"name"`
}

type ocsfActor struct {
	App  string    `json:"app_name,omitempty"` // what Latchkey does by itself
	User *ocsfUser `json:"user,omitempty"`
}

type ocsfUser struct {
	Account *ocsfAccountOf `json:"account,omitempty"`
	Name    string         `json:"name,omitempty"` // empty where it was erased, or is not known
	Type    string         `json:"type"`
	TypeID  int            `json:"type_id"` // 1 is a person, 99 whatever type says
	UID     string         `json:"uid,omitempty"`
}

type ocsfAccountOf struct {
	UID string `json:"uid"`
}

// ocsfManaged is a managed entity, and details of a resource.
type ocsfManaged struct {
	Name string `json:"name"`
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type ocsfGroupOf struct {
	UID string `json:"uid"`
}

type ocsfService struct {
	Name string `json:"name"`
}

type ocsfFindingOf struct {
	Created int64  `json:"created_time"`
	Desc    string `json:"desc,omitempty"`
	Title   string `json:"title"`
	UID     string `json:"uid"`
}

// ocsfUnmapped is what the class has no attribute for.
type ocsfUnmapped struct {
	Actor     *ocsfActor `json:"actor,omitempty"`
	After     string     `json:"after,omitempty"`
	Before    string     `json:"before,omitempty"`
	Erased    bool       `json:"erased,omitempty"` // the texts were, on request of the person they are about
	Event     int64      `json:"event"`
	Policy    string     `json:"policy,omitempty"` // hash of the version it was decided under
	Reason    string     `json:"reason,omitempty"`
	Subject   string     `json:"subject"`
	SubjectID int64      `json:"subject_id"`
}

package tempotest

import "time"

// The people of the seeded world, by their Jira account ids.
const (
	Alice = "5b10a2844c20165700ede21a"
	Bob   = "5b10ac8d82e05b22cc7d4ef5"
	Frank = "5b10b7f1c3a9d45ae04c1f77"
)

// Person is somebody who can log in at the instance.
type Person struct {
	ID   string // Jira account id
	Name string
}

func people() []Person {
	return []Person{{Alice, "Alice Archer"}, {Bob, "Bob Baker"}, {Frank, "Frank Fisher"}}
}

// The projects of the seeded world. Issues 10001 to 10003 belong to Platform,
// 10011 and 10012 to Payroll.
const (
	ProjectPlatform = 10100
	ProjectPayroll  = 10200
)

// seed fills in two teams, two accounts, three plans and a dozen worklogs of
// the last days.
func (d *Double) seed() {
	d.issues = map[int64]int64{
		10001: ProjectPlatform, 10002: ProjectPlatform, 10003: ProjectPlatform,
		10011: ProjectPayroll, 10012: ProjectPayroll,
	}
	d.insertTeam(teamInput{Name: "Platform", Summary: "Keeps the lights on", LeadAccountID: Bob}, Alice, Bob)
	d.insertTeam(teamInput{Name: "Payroll", LeadAccountID: Frank}, Frank)
	d.insertAccount(accountInput{Key: "INTERNAL", Name: "Internal work", LeadAccountID: Bob})
	d.insertAccount(accountInput{Key: "ACME", Name: "ACME Inc.", LeadAccountID: Frank, MonthlyBudget: 160})

	day := func(ago int) string { return d.now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	for _, p := range []struct {
		who, item string
		start     int
	}{{Alice, "10001", 10}, {Bob, "10002", 5}, {Frank, "10011", 3}} {
		d.insertPlan(planInput{
			AssigneeID: p.who, AssigneeType: "USER", PlanItemID: p.item, PlanItemType: "ISSUE",
			StartDate: day(p.start), EndDate: day(p.start - 14), PlannedSecondsPerDay: 4 * 3600,
		})
	}
	for _, w := range []struct {
		who     string
		issue   int64
		ago     int
		hours   int64
		account string
		what    string
	}{
		{Alice, 10001, 6, 4, "INTERNAL", "Upgrade the build agents"},
		{Alice, 10001, 5, 6, "INTERNAL", "Upgrade the build agents, the rest"},
		{Alice, 10002, 4, 2, "INTERNAL", "Review of the alert rules"},
		{Alice, 10003, 3, 8, "ACME", "Migration rehearsal"},
		{Alice, 10003, 2, 5, "ACME", "Migration"},
		{Bob, 10002, 6, 3, "INTERNAL", "Alert rules"},
		{Bob, 10002, 5, 3, "INTERNAL", "Alert rules, second half"},
		{Bob, 10003, 2, 8, "ACME", "Migration"},
		{Bob, 10003, 1, 1, "ACME", "Follow-ups"},
		{Frank, 10011, 5, 7, "ACME", "November run"},
		{Frank, 10012, 2, 4, "ACME", "Corrections"},
		{Frank, 10012, 1, 2, "ACME", "Corrections, approved"},
	} {
		d.insert(w.issue, worklogInput{
			AuthorAccountID: w.who, StartDate: day(w.ago), StartTime: "09:00:00", TimeSpentSeconds: w.hours * 3600,
			Description: w.what, Attributes: []attribute{{Key: accountAttribute, Value: w.account}},
		})
	}
}

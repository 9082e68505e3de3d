package timepiecetest

// The people of the world, by their Atlassian account ids.
const (
	Alice = "557058:5b10a284-4c20-4165-8700-ede21a000001"
	Bob   = "557058:5b10ac8d-82e0-45b2-8cc7-4ef500000002"
	Frank = "557058:5b10b7f1-c3a9-4d45-8e04-1f7700000003"
)

// issue is one Jira issue and who may see it there.
type issue struct {
	key, summary string
	seenBy       []string
	minutes      map[string]string // by status id
}

func issues() []issue {
	return []issue{
		{"PLAT-1", "Upgrade the build agents", []string{Alice, Bob}, map[string]string{"1": "340.5", "6": "1200"}},
		{"PLAT-2", "Alert rules", []string{Alice, Bob}, map[string]string{"1": "95.25"}},
		{"PAY-1", "November run", []string{Frank}, map[string]string{"1": "60", "6": "480"}},
	}
}

// statuses are the columns of a report.
func statuses() []column { return []column{{ID: "1", Value: "Open"}, {ID: "6", Value: "Closed"}} }

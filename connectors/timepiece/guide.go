package timepiece

import (
	"cmp"
	"fmt"
	"time"

	"latchkey/connectors"
)

// GuideRevoke says how an administrator of Jira ends a token of the vendor's.
// There is no address that leads there on every site. For a key of ours there
// is nothing to do.
func (c *Connector) GuideRevoke(r connectors.Ref) connectors.Task {
	if !isNative(r.ID) {
		return connectors.Task{}
	}
	t, imported := c.find(r.ID)
	if !imported {
		t.owner = r.Owner
	}
	var steps []string
	if t.position == upstreamPosition {
		steps = append(steps, "This is the token that the gateway itself uses: first give the connection another one under `token`, "+
			"or every key of it stops working.")
	}
	steps = append(steps,
		"As an administrator of Jira, open Jira's settings, and there API Settings of the app Timepiece (Time in Status).",
		t.whereabouts(),
		"Switch Active off, which can be undone, or delete the token, which can't.",
	)
	if imported {
		return connectors.Task{Steps: append(steps, fmt.Sprintf("Leave %s in the configuration until Latchkey shows the token as dead: "+
			"it proves that by asking Timepiece with it.", t.position))}
	}
	return connectors.Task{Steps: append(steps, "The token is no longer in the configuration, so Latchkey can't prove that it is dead.")}
}

// whereabouts is how people find the token among others.
func (t token) whereabouts() string {
	who := cmp.Or(t.owner.Name, t.owner.Email)
	if who == "" && t.owner.ID != "" {
		who = "the user with the Atlassian account ID " + t.owner.ID
	}
	if who == "" {
		return fmt.Sprintf("Find the token: it does not say whose it is, so compare those listed with %s of the configuration.",
			cmp.Or(t.position, "what you know of it"))
	}
	s := "Find the token whose User is " + who
	if !t.created.IsZero() {
		s += ", created on " + day(t.created)
	}
	if !t.expires.IsZero() {
		s += ", expiring on " + day(t.expires) + " unless that was changed"
	}
	return s + "."
}

func day(at time.Time) string { return at.Format("2 January 2006 at 15:04") + " UTC" }

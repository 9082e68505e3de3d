package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// extendModal asks for how much longer a key is needed, and why.
func extendModal(plan workflow.ExtendPlan, now time.Time) slack.ModalViewRequest {
	c := plan.Key.Credential
	var choices []*slack.OptionBlockObject
	for _, d := range longerLives(c.ExpiresAt, plan.Longest, now) {
		choices = append(choices, lifeOption(d, now))
	}
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, choices...)
	sel.InitialOption = choices[0]
	submit, who := "Extend", "It can only read, so nobody has to be asked: it lives longer at once."
	if plan.Review {
		submit, who = "Preview", "It can change things, so the people who review such keys are asked again: you see who before you send it. Until they decide, its end stays where it is."
	}
	hint := fmt.Sprintf("Counted from the approval. At most %s.", inWholeHours(plan.Longest).Words())
	reads := "Whoever approves reads this. Put no keys, passwords or other secrets in it."
	if !plan.Review {
		hint, reads = fmt.Sprintf("Counted from now. At most %s.", inWholeHours(plan.Longest).Words()), "It is kept with the key. Put no keys, passwords or other secrets in it."
	}
	return modal(callbackExtend, "Extend "+c.ID.String(), submit, c.ID.String(),
		section(keyHeadline(plan.Key)),
		section(scopesAllowed(plan.Key)),
		small(who),
		slack.NewInputBlock(blockLifetime, plain("How long", maxHint), plain(hint, maxHint), sel),
		reasonInput("Why", "", "What still uses the key, and what for?", reads))
}

// extendedWords says what came of asking for more time.
func extendedWords(r storage.Request, c storage.Credential) string {
	if r.State == storage.RequestFulfilled {
		return fmt.Sprintf("%s lives until %s now.", c.ID, utc(c.ExpiresAt))
	}
	return fmt.Sprintf("You asked for more time for %s: %s. Latchkey's messages show how it goes.", c.ID, r.ID)
}

// letExpireMessage confirms that a key is left to its end.
func letExpireMessage(c storage.Credential, by storage.PersonID) message {
	hears := "You hear no more of it before that."
	if c.OwnerID != by {
		hears = "Nobody hears of it before that."
	}
	return refusalMessage(fmt.Sprintf("%s ends on %s. %s If it is needed after all, extend or rotate it.", c.ID, utc(c.ExpiresAt), hears))
}

// moreTime is a length of time in seconds that comes on top: "30 more days".
func moreTime(seconds int64) string {
	n, unit, _ := strings.Cut(lifetime(seconds), " ")
	return n + " more " + unit
}

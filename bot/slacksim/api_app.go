package slacksim

import (
	"crypto/rand"
	"strings"

	"latchkey/bot/slacksim/blockkit"
)

func (s *Sim) openConnection(*call) (doc, error) {
	ticket := rand.Text()
	s.tickets[ticket] = true
	return doc{"url": "ws" + strings.TrimPrefix(s.base, "http") + "/link/?ticket=" + ticket + "&app_id=" + s.world.AppID}, nil
}

func (s *Sim) authTest(*call) (doc, error) {
	return doc{
		"url": s.base + "/", "team": s.world.TeamName, "team_id": s.world.TeamID,
		"user": s.people[s.world.BotUser].Name, "user_id": s.world.BotUser, "bot_id": s.world.BotID,
		"app_id": s.world.AppID, "is_enterprise_install": false,
	}, nil
}

func (s *Sim) teamInfo(*call) (doc, error) {
	return doc{"team": doc{
		"id": s.world.TeamID, "name": s.world.TeamName, "domain": s.world.TeamDomain, "email_domain": "", "icon": doc{},
	}}, nil
}

func (s *Sim) botsInfo(c *call) (doc, error) {
	if id := c.text("bot"); id != "" && id != s.world.BotID {
		return nil, refuse("bot_not_found")
	}
	return doc{"bot": doc{
		"id": s.world.BotID, "name": s.world.AppName, "deleted": false,
		"user_id": s.world.BotUser, "app_id": s.world.AppID, "updated": 0, "icons": doc{},
	}}, nil
}

// validateBlocks answers ok:false with an errors array, as Slack does; a refusal
// here is the answer the app asked for, so it is no problem.
func (s *Sim) validateBlocks(c *call) (doc, error) {
	var given []string
	for _, key := range []string{"blocks", "message", "view"} {
		if c.args[key] != nil {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		return nil, refuse("invalid_arguments", "[ERROR] provide exactly one of blocks, message or view")
	}
	v, err := c.object(given[0])
	if err != nil {
		return nil, err
	}
	found, root := s.judgeAny(given[0], v)
	if len(found) == 0 {
		return doc{}, nil
	}
	details := each(found, func(p blockkit.Problem) any {
		return doc{"pointer": strings.TrimPrefix(p.Pointer, root), "code": "failed_constraint", "message": p.Message}
	})
	return doc{}, &apiError{code: "invalid_" + given[0], extra: doc{"errors": details}, expected: true}
}

// judgeAny validates one of the three shapes; root is the pointer that the
// caller did not send.
func (s *Sim) judgeAny(shape string, v any) (found []blockkit.Problem, root string) {
	switch shape {
	case "blocks":
		return blockkit.ValidateMessage(s.encode(doc{"text": "blocks only", "blocks": v})), "/blocks"
	case "message":
		return blockkit.ValidateMessage(s.encode(v)), ""
	default:
		body, _ := v.(doc)
		return judgeView(text(body, "type"), s.encode(v)), ""
	}
}

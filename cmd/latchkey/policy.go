package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"latchkey/workflow"
)

type policyCommand struct {
	Test    policyTestCommand    `cmd:"" help:"Run the scenarios written beside a policy."`
	Explain policyExplainCommand `cmd:"" help:"Say which rule applies to a request and who would be asked."`
}

type policyTestCommand struct {
	File       string `arg:"" help:"File of scenarios." type:"existingfile"`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG" type:"path"`
}

// Help implements kong.HelpProvider.
func (policyTestCommand) Help() string {
	return `One scenario a line, what is asked and what shall come of it; # begins a comment:

  alice@example.com in payroll asks tempo worklogs:manage for 7d "fix the import" -> asked: tempo-approvers 2
  bob@example.com asks tempo worklogs:view for 30d "a report" -> auto
  bob@example.com asks tempo worklogs:manage for 7d "a script" -> refused: only for payroll

Groups behind "in" are separated by commas; everyone is always among them. Behind "refused:" stands part of the
sentence. Whether a group has enough members is not asked: that is known in Slack only.`
}

// Run implements the command.
func (p *policyTestCommand) Run(c *console) error {
	cfg, err := loadConfig(c, p.ConfigFile)
	if err != nil {
		return err
	}
	rules, err := compile(c.ctx, cfg)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		return fmt.Errorf("read scenarios: %w", err)
	}
	return runScenarios(c.out, rules, p.File, string(text))
}

// runScenarios prints a line for each scenario that fails, and a sum.
func runScenarios(out io.Writer, rules *workflow.Rules, file, text string) error {
	ran, failed := 0, 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		ran++
		sc, want, err := parseScenario(line)
		if err != nil {
			failed++
			fmt.Fprintf(out, "%s:%d: %v\n", file, i+1, err)
			continue
		}
		if got := verdictWords(rules.Try(sc)); !agrees(got, want) {
			failed++
			fmt.Fprintf(out, "%s:%d: %s\n  want  %s\n  got   %s\n", file, i+1, line, want, got)
		}
	}
	switch {
	case ran == 0:
		return errors.New("the file has no scenarios")
	case failed > 0:
		return fmt.Errorf("%d of %d scenarios failed", failed, ran)
	}
	fmt.Fprintf(out, "%d scenarios hold.\n", ran)
	return nil
}

// agrees compares a verdict with what a scenario wants of it: refusals by a
// part of the sentence, everything else in full.
func agrees(got, want string) bool {
	if part, ok := strings.CutPrefix(want, "refused"); ok {
		sentence, refused := strings.CutPrefix(got, "refused: ")
		return refused && strings.Contains(sentence, strings.TrimSpace(strings.TrimPrefix(part, ":")))
	}
	return got == want
}

// verdictWords writes a verdict as scenarios do.
func verdictWords(v workflow.Verdict) string {
	switch {
	case v.Refused != nil:
		return "refused: " + v.Refused.Reason
	case v.Auto:
		return "auto"
	}
	parts := make([]string, len(v.Steps))
	for i, s := range v.Steps {
		parts[i] = fmt.Sprintf("%s %d", s.Group, s.Quorum)
	}
	return "asked: " + strings.Join(parts, ", ")
}

type policyExplainCommand struct {
	ConfigFile string   `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG" type:"path"`
	Requester  string   `help:"E-mail address of who asks." required:""`
	Groups     []string `help:"Groups the requester is in, besides everyone."`
	System     string   `help:"Connection." required:""`
	Scopes     []string `help:"Scopes." required:""`
	For        string   `help:"How long, such as 7d." default:"7d"`
	Reason     string   `help:"Why." default:"just trying the policy out"`
	OAuth      bool     `help:"The use of an OAuth app instead of an API key."`
}

// Run implements the command.
func (p *policyExplainCommand) Run(c *console) error {
	cfg, err := loadConfig(c, p.ConfigFile)
	if err != nil {
		return err
	}
	rules, err := compile(c.ctx, cfg)
	if err != nil {
		return err
	}
	lifetime, err := workflow.ParseDuration(p.For)
	if err != nil {
		return fmt.Errorf("--for: %w", err)
	}
	kind := workflow.APIKey
	if p.OAuth {
		kind = workflow.OAuthGrant
	}
	v := rules.Try(workflow.Scenario{
		Requester: workflow.PersonFacts{Email: p.Requester, Name: p.Requester, Groups: append(p.Groups, workflow.Everyone)},
		Ask:       workflow.Ask{Connection: p.System, Kind: kind, Scopes: p.Scopes, Lifetime: lifetime, Reason: p.Reason},
	})
	switch {
	case v.Refused != nil:
		fmt.Fprintf(c.out, "Refused. %s\n", v.Refused.Reason)
	case v.Auto:
		fmt.Fprintf(c.out, "The rule %s applies and approves by itself; nobody is asked.\n", v.Policy)
	default:
		fmt.Fprintf(c.out, "The rule %s applies. Asked in this order:\n", v.Policy)
		for i, s := range v.Steps {
			fmt.Fprintf(c.out, "  %d. %d of %s\n", i+1, s.Quorum, s.Group)
		}
	}
	return nil
}

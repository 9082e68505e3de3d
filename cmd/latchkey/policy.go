package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"latchkey/workflow"
)

type policyCommand struct {
	Explain policyExplainCommand `cmd:"" help:"Say which rule applies to a request and who would be asked."`
	Test    policyTestCommand    `cmd:"" help:"Run the scenarios written beside a policy."`
}

type policyTestCommand struct {
	File       string `arg:"" help:"File of scenarios."`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (policyTestCommand) Help() string {
	return `Each line of the file is a scenario: what is asked, and what shall come of it. # begins a comment:

  alice@example.com in payroll asks tempo worklogs:manage for 7d "fix the import" -> asked: it-admins 1, security 2
  bob@example.com asks tempo worklogs:view for 30d "a report" -> auto
  bob@example.com asks tempo worklogs:manage for 7d "a script" -> refused: only for payroll

Groups after "in" and scopes are separated by commas; everyone is in the group everyone. After "asked:" stand the
groups in their order, each with how many of it must approve; after "refused:" stands part of the sentence. Write
"asks oauth tempo" for the use of an OAuth app. Whether a group has enough members is not asked: Slack knows that.

The exit status is 1 if a scenario fails, so that a pull request that changes the policy can be checked.`
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
		if err == nil {
			err = knownGroups(rules, sc.Requester.Groups)
		}
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
		return fmt.Errorf("%s has no scenarios; `latchkey policy test --help` shows how one is written", file)
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, counted(ran, "scenario"))
	}
	fmt.Fprintf(out, "All is as wanted in %s.\n", counted(ran, "scenario"))
	return nil
}

// knownGroups refuses a group that the configuration does not have: with a
// typing error in it a scenario would be judged as that of somebody else.
func knownGroups(rules *workflow.Rules, names []string) error {
	for _, name := range names {
		if _, ok := rules.Groups[name]; !ok && name != workflow.Everyone {
			return fmt.Errorf("there is no group %s; there are %s", name,
				strings.Join(slices.Sorted(maps.Keys(rules.Groups)), ", "))
		}
	}
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
	ConfigFile string   `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
	Requester  string   `help:"E-mail address of who asks." required:"" placeholder:"EMAIL"`
	Groups     []string `help:"Groups the requester is in; everyone is always among them." placeholder:"GROUP"`
	System     string   `help:"The connection that is asked for, such as tempo." required:"" placeholder:"NAME"`
	Scopes     []string `help:"Scopes that are asked for, such as worklogs:view." required:"" placeholder:"SCOPE"`
	For        string   `help:"How long, such as 24h or 7d." default:"7d"`
	Reason     string   `help:"Why; conditions can read it." default:"just trying the policy out"`
	OAuth      bool     `name:"oauth" help:"Ask for the use of an OAuth app instead of an API key."`
}

// Help implements kong.HelpProvider.
func (policyExplainCommand) Help() string {
	return `Asks the policy as Slack would, without Slack and without filing anything:

  latchkey policy explain --requester alice@example.com --groups payroll --system tempo --scopes worklogs:manage

Whether a group has enough members is not asked: Slack knows that.`
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
	if err := knownGroups(rules, p.Groups); err != nil {
		return fmt.Errorf("--groups: %w", err)
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

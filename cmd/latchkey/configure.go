package main

import (
	"context"
	"encoding/base64"
	"fmt"

	"latchkey/bot"
	"latchkey/cmd/latchkey/config"
	"latchkey/secret"
	"latchkey/workflow"
)

type configCommand struct {
	Validate validateCommand `cmd:"" help:"List everything that is wrong with a configuration file."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of the file, for editors."`
	Example  exampleCommand  `cmd:"" help:"Print a commented file to start from."`
	Key      keyCommand      `cmd:"" help:"Make a key-encryption key for the keeper setting."`
}

type validateCommand struct {
	File string `arg:"" optional:"" help:"Configuration file." default:"latchkey.yaml" type:"path"`
}

// Run implements the command.
func (v *validateCommand) Run(c *console) error {
	cfg, err := loadConfig(c, v.File)
	if err != nil {
		return err
	}
	if _, err := compile(c.ctx, cfg); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s is valid: %d connections, %d policies, %d groups.\n", v.File, len(cfg.Connections), len(cfg.Policy.Policies), len(cfg.Policy.Groups))
	return nil
}

// compile makes rules of a configuration without a database.
func compile(ctx context.Context, cfg *config.Config) (*workflow.Rules, error) {
	opened, err := openConnections(cfg)
	if err != nil {
		return nil, err
	}
	document := cfg.Policy
	if err := workflow.Describe(ctx, &document, cfg.Connections, opened); err != nil {
		return nil, err
	}
	rules, problems := workflow.Compile(document)
	if len(problems) > 0 {
		return nil, cfg.Explain(problems)
	}
	return rules, nil
}

type schemaCommand struct{}

// Run implements the command.
func (schemaCommand) Run(c *console) error {
	_, err := c.out.Write(config.Schema)
	return err
}

type exampleCommand struct{}

// Run implements the command.
func (exampleCommand) Run(c *console) error {
	_, err := c.out.Write(config.Example)
	return err
}

type keyCommand struct{}

// Help implements kong.HelpProvider.
func (keyCommand) Help() string {
	return `Prints a fresh key for a keeper of the form base64key://KEY. Keep it where the service finds it and the
database does not: whoever has both reads every secret, and without it nobody does.`
}

// Run implements the command. The key is printed because making it is the
// point.
func (keyCommand) Run(c *console) error {
	fmt.Fprintln(c.out, newKeeperKey())
	return nil
}

func newKeeperKey() string { return base64.URLEncoding.EncodeToString(secret.NewDataKey()) }

type manifestCommand struct {
	Command string `help:"The slash command." default:"/tokens"`
	Name    string `help:"The app's name in Slack." default:"Latchkey"`
}

// Help implements kong.HelpProvider.
func (manifestCommand) Help() string {
	return `Create the app at https://api.slack.com/apps with "From a manifest" and paste this. Then, under
Basic Information, make an app-level token with connections:write, and install the app.`
}

// Run implements the command.
func (m *manifestCommand) Run(c *console) error {
	b, err := bot.Manifest(m.Command, m.Name)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, string(b))
	return nil
}

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
	Example  exampleCommand  `cmd:"" help:"Print a commented file to start from."`
	Key      keyCommand      `cmd:"" help:"Make a key-encryption key for the keeper setting."`
	Validate validateCommand `cmd:"" help:"List everything that is wrong with the file, each with its line and column."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of the file, for editors."`
}

type validateCommand struct {
	File string `arg:"" optional:"" help:"Configuration file; ${default} if none is named." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (validateCommand) Help() string {
	return `Reads the file, its conditions and its scopes, and the environment variables it names. Nothing is dialled and
nothing is changed; "latchkey doctor" does the rest. The exit status is 1 if anything is wrong.`
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
	fmt.Fprintf(c.out, "%s is valid: %s, %s, %s.\n", v.File, counted(len(cfg.Connections), "connection"),
		counted(len(cfg.Policy.Policies), "rule"), counted(len(cfg.Policy.Groups), "group"))
	if !cfg.Slack.Ready() {
		fmt.Fprintln(c.out, "It has no Slack tokens: only `latchkey serve --roles server,gateway` can run with it.")
	}
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

// Help implements kong.HelpProvider.
func (schemaCommand) Help() string {
	return `Editors that know YAML then complete the settings and explain them:

  latchkey config schema > latchkey.schema.json

The first line of the example file names it.`
}

// Run implements the command.
func (schemaCommand) Run(c *console) error {
	_, err := c.out.Write(config.Schema)
	return err
}

type exampleCommand struct{}

// Help implements kong.HelpProvider.
func (exampleCommand) Help() string {
	return `Write it to a file, and fill in what is yours:

  latchkey config example > latchkey.yaml

Secrets stay out of the file: it reads them from environment variables, written ${NAME}.`
}

// Run implements the command.
func (exampleCommand) Run(c *console) error {
	_, err := c.out.Write(config.Example)
	return err
}

type keyCommand struct{}

// Help implements kong.HelpProvider.
func (keyCommand) Help() string {
	return `Prints a fresh key for a keeper of the form base64key://KEY:

  export LATCHKEY_KEY=$(latchkey config key)

Keep it where the service finds it and the database does not: whoever has both reads every secret, and without it
nobody does. Keep a copy.`
}

// Run implements the command. The key is printed because making it is the
// point.
func (keyCommand) Run(c *console) error {
	fmt.Fprintln(c.out, newKeeperKey())
	return nil
}

func newKeeperKey() string { return base64.URLEncoding.EncodeToString(secret.NewDataKey()) }

type manifestCommand struct {
	Command string `help:"The slash command people type; write the same under slack.command." default:"/tokens"`
	Name    string `help:"The app's name in Slack." default:"Latchkey"`
}

// Help implements kong.HelpProvider.
func (manifestCommand) Help() string {
	return `1. At https://api.slack.com/apps press "Create New App", then "From a manifest", and paste what this prints.

2. Under "Basic Information" generate an app-level token with the scope connections:write: it is slack.app_token
and begins with xapp-.

3. Under "Install App" install it: the bot token is slack.bot_token and begins with xoxb-.`
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

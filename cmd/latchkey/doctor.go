package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/bot"
	"latchkey/cmd/latchkey/config"
)

type doctorCommand struct {
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG" type:"path"`
}

// Help implements kong.HelpProvider.
func (doctorCommand) Help() string {
	return `Only looks, changes nothing. Each line is one check; a failed one is followed by how to mend it.
The exit status is 1 if anything failed.`
}

// check is one line of the doctor's.
type check struct {
	name string
	run  func(context.Context) (found string, err error)
	mend string
}

// Run implements the command.
func (d *doctorCommand) Run(c *console) error {
	cfg, err := loadConfig(c, d.ConfigFile)
	if err != nil {
		return err
	}
	failed := 0
	for _, k := range d.checks(c, cfg) {
		ctx, cancel := context.WithTimeout(c.ctx, 15*time.Second)
		found, err := k.run(ctx)
		cancel()
		if err != nil {
			failed++
			fmt.Fprintf(c.out, "FAILED  %s: %v\n        %s\n", k.name, err, k.mend)
			continue
		}
		fmt.Fprintf(c.out, "ok      %s: %s\n", k.name, found)
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}

func (d *doctorCommand) checks(c *console, cfg *config.Config) []check {
	slackURL, _ := c.env("SLACK_API_URL")
	checks := []check{
		{"policy", func(ctx context.Context) (string, error) {
			rules, err := compile(ctx, cfg)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d rules, version %s", len(rules.Policies), rules.Hash[:12]), nil
		}, "Mend the file; `latchkey config validate` lists every problem."},
		{"slack", func(ctx context.Context) (string, error) {
			client := bot.NewClient(bot.Config{BotToken: cfg.Slack.BotToken, AppToken: cfg.Slack.AppToken, APIURL: slackURL}, c.log)
			found, err := client.Diagnose(ctx)
			if err == nil && len(found.Missing) > 0 {
				err = fmt.Errorf("the bot lacks the scopes %s", strings.Join(found.Missing, ", "))
			}
			return fmt.Sprintf("bot user %s in workspace %s, socket opens", found.BotUser, found.Team), err
		}, "Update the app from `latchkey manifest`, install it again, and copy the bot token (xoxb-) and an app-level token with connections:write (xapp-)."},
		{"database", func(ctx context.Context) (string, error) { return d.database(ctx, c, cfg) },
			"Check database_url and run `latchkey migrate`. Without database_url the machine needs Postgres's server programs."},
		{"keeper", func(ctx context.Context) (string, error) {
			k, done, err := openKeeper(ctx, cfg)
			if err != nil {
				return "", err
			}
			defer done()
			return keeperWorks(ctx, k.Seal, k.Open)
		}, "Set keeper, for example to base64key://${LATCHKEY_KEY} with a key from `latchkey config key`."},
		{"public_url", func(ctx context.Context) (string, error) { return reachable(ctx, cfg.PublicURL) },
			"public_url must be the address at which people's browsers reach `listen`, through your proxy. Is the service running?"},
	}
	opened, err := openConnections(cfg)
	if err != nil {
		return append(checks, check{"connections", func(context.Context) (string, error) { return "", err }, "Mend the connections named above."})
	}
	for _, s := range cfg.Connections {
		checks = append(checks, check{"connection " + s.Name, func(ctx context.Context) (string, error) {
			return "the admin credential works", opened[s.Name].Check(ctx)
		}, "Check token and base_url of this connection; a private address needs allow_private: true."})
	}
	return checks
}

func (d *doctorCommand) database(ctx context.Context, c *console, cfg *config.Config) (string, error) {
	private, db, err := openDatabase(ctx, cfg, c.log)
	if err != nil {
		return "", err
	}
	err = db.CheckMigrated(ctx)
	db.Close()
	if private != nil {
		err = errors.Join(err, private.Stop(context.WithoutCancel(ctx)))
	}
	return "reachable and migrated", err
}

func keeperWorks(ctx context.Context, seal, open func(context.Context, []byte) ([]byte, error)) (string, error) {
	sealed, err := seal(ctx, []byte("latchkey doctor"))
	if err == nil {
		var plain []byte
		plain, err = open(ctx, sealed)
		if err == nil && string(plain) != "latchkey doctor" {
			err = errors.New("it does not give back what it sealed")
		}
	}
	return "seals and opens", err
}

func reachable(ctx context.Context, public string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, public+"/healthz", nil)
	if err != nil {
		return "", fmt.Errorf("%s is not an address: %w", public, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("%s does not answer", public)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s/healthz answers %s", public, answer.Status)
	}
	return public + " answers", nil
}

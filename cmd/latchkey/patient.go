package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"latchkey/bot"
	"latchkey/cmd/latchkey/config"
	"latchkey/storage"
	"latchkey/storage/postgres"
)

// patient is an installation as the doctor finds it.
type patient struct {
	console *console
	config  *config.Config

	private *postgres.Server // ours to stop
	db      *storage.DB      // nil unless it is reachable and migrated
}

func (p *patient) checks() []check {
	checks := []check{
		{"policy", p.policy, "Mend the file; `latchkey config validate` lists the same."},
		{"slack", p.slack, "Update the app from `latchkey manifest`, install it again, and copy the bot token (xoxb-) and an app-level token with connections:write (xapp-)."},
		{"database", p.database, "Check database_url and run `latchkey migrate`. Without database_url the machine needs Postgres's server programs."},
		{"keeper", p.keeper, "Set keeper to the key this database was made with; for a new database to base64key://${LATCHKEY_KEY}, with a key from `latchkey config key`."},
		{"audit", p.audit, "Make a second role, run `latchkey migrate --grant ROLE` as the owner, and give database_url that role."},
		{"public_url", p.publicURL, "public_url must be the address at which people's browsers reach `listen`, through your proxy. Is `latchkey serve` running?"},
	}
	opened, err := openConnections(p.config)
	if err != nil {
		return checks // the check of the policy says so
	}
	for _, s := range p.config.Connections {
		checks = append(checks, check{"connection " + s.Name, func(ctx context.Context) (string, error) {
			return "the admin credential works", opened[s.Name].Check(ctx)
		}, "Check token and base_url of this connection; a private address needs allow_private: true."})
	}
	return checks
}

// leave closes what the checks opened.
func (p *patient) leave() {
	if p.db != nil {
		p.db.Close()
	}
	if p.private != nil {
		_ = p.private.Stop(context.WithoutCancel(p.console.ctx)) // it ends with this process
	}
}

func (p *patient) policy(ctx context.Context) (string, error) {
	rules, err := compile(ctx, p.config)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, version %s", counted(len(rules.Policies), "rule"), rules.Hash[:12]), nil
}

func (p *patient) slack(ctx context.Context) (string, error) {
	s := p.config.Slack
	if !s.Ready() {
		return "no tokens, so that only the roles server and gateway can run", nil
	}
	url, _ := p.console.env("SLACK_API_URL")
	found, err := bot.NewClient(bot.Config{BotToken: s.BotToken, AppToken: s.AppToken, APIURL: url}, p.console.log).Diagnose(ctx)
	if err == nil && len(found.Missing) > 0 {
		err = fmt.Errorf("the bot lacks the scopes %s", strings.Join(found.Missing, ", "))
	}
	return fmt.Sprintf("bot user %s in workspace %s, socket opens", found.BotUser, found.Team), err
}

func (p *patient) database(ctx context.Context) (string, error) {
	if p.config.DatabaseURL.Empty() {
		if _, err := os.Stat(privateDir(p.config)); os.IsNotExist(err) {
			return "", fmt.Errorf("there is no private Postgres in %s yet", privateDir(p.config)) // visiting would make one
		}
	}
	private, db, err := visitDatabase(ctx, p.config, p.console.log)
	if err != nil {
		return "", err
	}
	p.private = private
	if err := db.CheckMigrated(ctx); err != nil {
		db.Close()
		return "", err
	}
	p.db = db
	return "reachable and migrated", nil
}

// audit asks what somebody could do to the audit log with the service's own
// rights.
func (p *patient) audit(ctx context.Context) (string, error) {
	if p.db == nil {
		return "not looked at, without the database", nil
	}
	if q, err := p.db.Quarantine(ctx); !errors.Is(err, storage.ErrNotFound) {
		if err == nil {
			err = fmt.Errorf("the database is in quarantine: %s; `latchkey audit accept` shows what was lost and ends it", q.Why)
		}
		return "", err
	}
	r, err := p.db.AuditRights(ctx)
	switch {
	case err != nil:
		return "", err
	case r.Superuser:
		return "", caution("the role " + r.Role + " is a superuser of the database, so the service's own rights could change the audit log")
	case r.Owner:
		return "", caution("the role " + r.Role + " owns the audit log, so the service's own rights could change it")
	case r.Change:
		return "", caution("the role " + r.Role + " may change the audit log")
	}
	return "the role " + r.Role + " can't change the log", nil
}

// errNoDataKey keeps a look at the keyring from making one.
var errNoDataKey = errors.New("there is no data key yet")

func (p *patient) keeper(ctx context.Context) (string, error) {
	k, done, err := openKeeper(ctx, p.config)
	if err != nil {
		return "", err
	}
	defer done()
	if err := keeperWorks(ctx, k); err != nil {
		return "", err
	}
	if p.db == nil {
		return "seals and opens", nil
	}
	k.Seal = func(context.Context, []byte) ([]byte, error) { return nil, errNoDataKey }
	_, err = p.db.OpenKeyring(ctx, k)
	if errors.Is(err, errNoDataKey) {
		return "seals and opens; the database has no secrets yet", nil
	}
	return "opens the database's secrets", err
}

func keeperWorks(ctx context.Context, k storage.Keeper) error {
	const text = "latchkey doctor"
	sealed, err := k.Seal(ctx, []byte(text))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	plain, err := k.Open(ctx, sealed)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if string(plain) != text {
		return errors.New("it does not give back what it sealed")
	}
	return nil
}

func (p *patient) publicURL(ctx context.Context) (string, error) {
	public := p.config.PublicURL
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

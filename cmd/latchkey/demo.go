package main

import (
	"context"
	_ "embed" // the demo's configuration
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"latchkey/bot"
	"latchkey/bot/slacksim"
	"latchkey/cmd/latchkey/config"
)

//go:embed demo.yaml
var demoConfig []byte

type demoCommand struct {
	Data    string `help:"Keep the demo's database in this folder, and go on with it next time." type:"path" placeholder:"FOLDER"`
	Slack   string `help:"Address of the simulated Slack." default:"127.0.0.1:7300"`
	Panel   string `help:"Address of the control panel." default:"127.0.0.1:7301"`
	Server  string `help:"Address of the reveal page." default:"127.0.0.1:7302"`
	Gateway string `help:"Address of the gateway." default:"127.0.0.1:7303"`

	databaseURL string         // of tests; empty means a private Postgres
	world       slacksim.World // of tests; zero means the default one
	patient     time.Duration  // of tests: Slack's deadlines; zero means its own
	quiet       bool           // of tests: vendors without the keys of years
}

// Help implements kong.HelpProvider.
func (demoCommand) Help() string {
	return `Needs Postgres's server programs on this machine and nothing else: no account, no network, no settings. Slack and
the vendors are simulated; the bot, the rules, the gateway and the database are the real ones. It prints what to open
and what to try.

Stop it with Ctrl-C. Without --data everything is forgotten then. An address that is taken gives way to a free one.`
}

// Run implements the command.
func (d *demoCommand) Run(c *console) error {
	demo, err := startDemo(c.ctx, *d, c.log)
	if err != nil {
		return err
	}
	demo.welcome(c.out)
	err = demo.main.until(c.ctx)
	fmt.Fprintln(c.out, "\nStopped.")
	return errors.Join(err, demo.close())
}

// demo is the service with a simulated world around it.
type demo struct {
	vendors

	sim         *slacksim.Sim
	main        *Main
	env         map[string]string // what demo.yaml reads
	credentials map[string]string // the part of env that is kept with the vendors
	panelURL    string
	listeners   []io.Closer
	data        string
	forget      bool // data is ours to remove
	pace        pace
	closed      bool
	patient     time.Duration
}

// startDemo starts the world, then the service, then the control panel.
func startDemo(ctx context.Context, flags demoCommand, log zerolog.Logger) (_ *demo, err error) {
	d := &demo{data: flags.Data, patient: flags.patient}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.folder(); err != nil {
		return nil, err
	}
	key, err := d.key()
	if err != nil {
		return nil, err
	}
	if d.env, err = d.startVendors(flags.quiet); err != nil {
		return nil, err
	}
	if err := d.startWorld(ctx, flags, log); err != nil {
		return nil, err
	}
	d.env["DEMO_DATA"], d.env["DEMO_KEY"], d.env["DEMO_DATABASE_URL"] = d.data, key, flags.databaseURL
	d.env["DEMO_BOT_TOKEN"], d.env["DEMO_APP_TOKEN"] = d.sim.BotToken(), d.sim.AppToken()
	d.env["DEMO_CLIENT_ID"], d.env["DEMO_CLIENT_SECRET"] = d.sim.ClientID(), d.sim.ClientSecret()
	if d.main, err = d.service(free(flags.Server), free(flags.Gateway), log); err != nil {
		return nil, err
	}
	if err := d.main.Start(ctx); err != nil {
		return nil, err
	}
	d.registerApp()
	if err := d.setPace(ctx); err != nil {
		return nil, err
	}
	if err := d.sim.Wait(ctx, func() bool { return d.sim.Sockets() >= 2 }); err != nil {
		return nil, fmt.Errorf("wait for the bot to connect: %w", err)
	}
	return d, d.startPanel(flags)
}

// service configures the real service for this world; it does not start it.
func (d *demo) service(listen, gateway string, log zerolog.Logger) (*Main, error) {
	env := maps.Clone(d.env)
	env["DEMO_LISTEN"], env["DEMO_GATEWAY_LISTEN"] = listen, gateway
	cfg, err := config.Parse("demo.yaml", demoConfig, func(k string) (string, bool) { v, ok := env[k]; return v, ok }, kindFields())
	if err != nil {
		return nil, err
	}
	return &Main{Config: cfg, Logger: log, SlackAPIURL: d.sim.APIURL(), LeaseFor: 10 * time.Second, AckWithin: d.patient}, nil
}

func (d *demo) folder() (err error) {
	if d.data != "" {
		return os.MkdirAll(d.data, 0o711) //nolint:gosec // 0711: as root, Postgres runs as another user and must get through
	}
	d.forget = true
	if d.data, err = os.MkdirTemp("", "latchkey-demo-"); err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	return os.Chmod(d.data, 0o711) //nolint:gosec // nothing in it is readable to others
}

// key keeps the demo's key-encryption key beside its database, which is what
// a real installation must not do.
func (d *demo) key() (string, error) {
	path := filepath.Join(d.data, "keeper.key")
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	key := newKeeperKey()
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the demo's key: %w", err)
	}
	return key, nil
}

func (d *demo) startWorld(ctx context.Context, flags demoCommand, log zerolog.Logger) error {
	manifest, err := bot.Manifest("/tokens", "Latchkey")
	if err != nil {
		return err
	}
	saved, err := d.kept(savedSlack)
	if err != nil {
		return err
	}
	d.sim, err = slacksim.Start(ctx, slacksim.Config{Manifest: manifest, World: flags.world, Saved: saved, Listen: free(flags.Slack), Now: d.pace.now, Timing: slacksim.Timing{TriggerTTL: flags.patient, AckTimeout: flags.patient}, Logger: log.Level(max(log.GetLevel(), zerolog.WarnLevel))})
	return err
}

func (d *demo) serve(addr string, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }()
	d.listeners = append(d.listeners, srv)
	return "http://" + l.Addr().String(), nil
}

// free returns addr if it can be listened on, else any free port of its host.
func free(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		_ = l.Close()
		return addr
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(host, "0")
}

// close ends the service, then its world, and keeps what is to be kept. It may
// be called again.
func (d *demo) close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	var errs []error
	if d.main != nil {
		errs = append(errs, d.main.Stop(context.Background()))
	}
	for _, l := range d.listeners {
		errs = append(errs, l.Close())
	}
	if d.sim != nil {
		errs = append(errs, d.sim.Close())
	}
	if d.main != nil && !d.forget {
		errs = append(errs, d.keepWorld())
	}
	if d.forget {
		errs = append(errs, os.RemoveAll(d.data))
	}
	return errors.Join(errs...)
}

func (d *demo) welcome(w io.Writer) {
	slack := strings.TrimSuffix(d.sim.URL(), "/")
	fmt.Fprintf(w, `
Latchkey's demo is ready. Slack and the vendors are simulated; everything else is real.

  Slack          %s/?as=U0ALICE
  Control panel  %s
  Console        %s/console : sign in as Erin, the admin; the simulated Slack asks for no password

Things to try, as the persona whose name each begins with (switch at the top left of Slack):

  1. Erin   /tokens systems  and  /tokens list --unmanaged : every key of every system, made here or not.
  2. Erin   /tokens revoke TK-... leaked  on any of them; the control panel shows that its vendor has it no more.
  3. Erin   /tokens enforce jira : what the rules will do to keys that nobody asked for. Jump a week, and look again.
  4. Alice  /tokens request tempo : "Read and write", and why. Bob and Carol approve; Alice reveals the key and uses it:
              curl -H "Authorization: Bearer $LATCHKEY_KEY" %s/tempo/4/worklogs
  5. Alice  /tokens request tempo  again, as an OAuth app: one approval, then she connects her own account.
  6. Carol  /tokens request jira : Erin approves, and Latchkey tells Carol how to make the token by hand. Make it on the
            control panel, under Atlassian, once as told and once with more than was approved.
  7. Dana   decides on what Alice asked for at GitHub itself, before Latchkey knew of it.
  8. Alice  /tokens rotate TK-... : both keys work until she has the new one and a day is over. Jump a week or a month, and
            read the one message of the day about keys that end.
  9. Alice  /tokens request tempo, and choose vault as where the key goes: nobody sees it, and the panel shows it there.
 10. Erin   /tokens campaign : everybody says which of their keys are still needed.
 11. On the control panel, under HR, let Frank leave: what he has stops at once, and Erin watches the case fill in
            #access-approvals and reads its report. At Timepiece only people can end a token: do it there, on the panel.
 12. Erin   /tokens audit : who did what. The console has it too, each event with its proof; its API is at /v1/docs beside it.

Stop with Ctrl-C.
`, slack, d.panelURL, d.main.URL(), d.main.GatewayURL())
}

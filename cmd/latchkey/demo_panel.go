package main

import (
	"context"
	_ "embed" // the control panel's page
	"fmt"
	"html/template"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"latchkey/connectors/fake"
	"latchkey/connectors/tempo/tempotest"
)

//go:embed demo_panel.html
var panelPage string

// panel is the demo's control panel: it moves the clock and breaks the world.
type panel struct {
	demo *demo
	page *template.Template

	slackDown, tempoDown, acmeDown bool
}

func (d *demo) startPanel(flags demoCommand) (err error) {
	page, err := template.New("panel").Parse(panelPage)
	if err != nil {
		return fmt.Errorf("read panel: %w", err)
	}
	p := &panel{demo: d, page: page}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("POST /clock", p.jump)
	mux.HandleFunc("POST /break", p.toggle)
	// Other sites in the same browser must not press our buttons.
	d.panelURL, err = d.serve(free(flags.Panel), serial(http.NewCrossOriginProtection().Handler(mux)))
	return err
}

// serial lets one request at a time touch the panel's state.
func serial(next http.Handler) http.Handler {
	turn := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		next.ServeHTTP(w, r)
	})
}

func (p *panel) show(w http.ResponseWriter, r *http.Request) {
	now, err := p.demo.main.db.Now(r.Context())
	if err != nil {
		http.Error(w, "The demo's database does not answer.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = p.page.Execute(w, map[string]any{
		"Now":   now.UTC().Format("Monday 2 January 2006, 15:04 UTC"),
		"Slack": p.demo.sim.URL(), "Gateway": p.demo.main.GatewayURL(), "Server": p.demo.main.URL(),
		"SlackDown": p.slackDown, "TempoDown": p.tempoDown, "AcmeDown": p.acmeDown,
		"People": []struct{ ID, Name, Role string }{
			{"U0ALICE", "Alice", "engineer, may ask for write access"}, {"U0BOB", "Bob", "approver"}, {"U0CAROL", "Carol", "approver"},
			{"U0DANA", "Dana", "security, approver"}, {"U0ERIN", "Erin", "IT admin"}, {"U0FRANK", "Frank", "about to leave"},
			{"U0OLGA", "Olga", "outsider through Slack Connect"},
		},
	})
}

// jumps are the ways the clock can be moved: only forwards, as time goes.
var jumps = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}

func (p *panel) jump(w http.ResponseWriter, r *http.Request) {
	by, ok := jumps[r.FormValue("by")]
	if !ok {
		http.Error(w, "Jump by an hour, a day, a week or a month.", http.StatusBadRequest)
		return
	}
	if err := p.demo.jumpClock(r.Context(), by); err != nil {
		p.demo.main.Logger.Error().Err(err).Msg("clock not moved")
		http.Error(w, "The clock could not be moved; the log says why.", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// pace is how far the demo's clock is ahead, for the parts of its world that
// can't ask the database.
type pace struct{ ahead atomic.Int64 } // seconds

func (p *pace) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load()) * time.Second) }

// setPace reads how far the database's clock is ahead: a kept world goes on
// at the time it was left at.
func (d *demo) setPace(ctx context.Context) error {
	var ahead float64
	err := d.main.db.Pool().QueryRow(ctx, `SELECT extract(epoch FROM latchkey_now() - statement_timestamp())::float8`).Scan(&ahead)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	d.pace.ahead.Store(int64(math.Round(ahead)))
	return nil
}

// jumpClock moves the one clock that every decision reads.
func (d *demo) jumpClock(ctx context.Context, by time.Duration) error {
	seconds := d.pace.ahead.Add(int64(by / time.Second))
	_, err := d.main.db.Pool().Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz
		LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT statement_timestamp() + interval ''%d seconds'''`, seconds))
	if err != nil {
		return fmt.Errorf("move clock: %w", err)
	}
	return d.main.workflow.Sweep(ctx)
}

func (p *panel) toggle(w http.ResponseWriter, r *http.Request) {
	switch r.FormValue("what") {
	case "slack":
		p.slackDown = !p.slackDown
		p.demo.sim.Knobs().Down(p.slackDown)
	case "tempo":
		p.tempoDown = !p.tempoDown
		p.demo.tempo.Set(tempotest.Knobs{Down: p.tempoDown})
	case "acme":
		p.acmeDown = !p.acmeDown
		p.demo.breakAcme(p.acmeDown)
	default:
		http.Error(w, "There is nothing of that name to break.", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (d *demo) breakAcme(down bool) {
	d.acme.Heal()
	if !down {
		return
	}
	for _, v := range []fake.Verb{fake.VerbIssue, fake.VerbRevoke, fake.VerbList} {
		d.acme.Inject(v, fake.ServerError, 0) // until Heal
	}
}

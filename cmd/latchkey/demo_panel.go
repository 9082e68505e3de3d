package main

import (
	"context"
	_ "embed" // the control panel's pages
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed demo_panel.html
var panelPages string

// panel is the demo's control panel: it moves the clock, breaks the world, and
// does at the vendors what people do there without asking anybody.
type panel struct {
	demo    *demo
	pages   *template.Template
	systems []system

	down   map[string]bool // by system, and "slack"
	notice string          // shown once
}

func (d *demo) startPanel(flags demoCommand) (err error) {
	pages, err := template.New("panel").Funcs(template.FuncMap{"join": strings.Join}).Parse(panelPages)
	if err != nil {
		return fmt.Errorf("read panel: %w", err)
	}
	p := &panel{demo: d, pages: pages, systems: d.systems(), down: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("POST /clock", p.jump)
	mux.HandleFunc("POST /break", p.toggle)
	mux.HandleFunc("POST /hr", p.changePerson)
	mux.HandleFunc("GET /at/{system}", p.at(p.visit))
	mux.HandleFunc("POST /at/{system}/make", p.at(p.make))
	mux.HandleFunc("POST /at/{system}/remove", p.at(p.remove))
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

// row is a system on the front page.
type row struct {
	system
	Down  bool
	Count int
}

func (p *panel) show(w http.ResponseWriter, r *http.Request) {
	now, err := p.demo.main.db.Now(r.Context())
	if err != nil {
		http.Error(w, "The demo's database does not answer.", http.StatusServiceUnavailable)
		return
	}
	var rows []row
	for _, s := range p.systems {
		rows = append(rows, row{s, p.down[s.Name], len(s.holdings())})
	}
	p.write(w, "panel", map[string]any{
		"Now":   now.UTC().Format("Monday 2 January 2006, 15:04 UTC"),
		"Slack": p.demo.sim.URL(), "Gateway": p.demo.main.GatewayURL(), "Server": p.demo.main.URL(),
		"SlackDown": p.down["slack"], "Systems": rows, "Employees": p.demo.hr.people, "Notice": p.takeNotice(),
		"People": []struct{ ID, Name, Role string }{
			{"U0ALICE", "Alice", "engineer, may ask for write access"}, {"U0BOB", "Bob", "approver"}, {"U0CAROL", "Carol", "approver"},
			{"U0DANA", "Dana", "security, approver"}, {"U0ERIN", "Erin", "IT admin: sees and ends every key"}, {"U0FRANK", "Frank", "about to leave"},
			{"U0OLGA", "Olga", "outsider through Slack Connect"},
		},
	})
}

// takeNotice is what there is to say, once.
func (p *panel) takeNotice() string {
	n := p.notice
	p.notice = ""
	return n
}

func (p *panel) write(w http.ResponseWriter, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := p.pages.ExecuteTemplate(w, page, data); err != nil {
		p.demo.main.Logger.Error().Err(err).Msg("page of the panel not written")
	}
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

func (p *panel) toggle(w http.ResponseWriter, r *http.Request) {
	what := r.FormValue("what")
	set := p.demo.sim.Knobs().Down
	if what != "slack" {
		i := slices.IndexFunc(p.systems, func(s system) bool { return s.Name == what })
		if i < 0 {
			http.Error(w, "There is nothing of that name to break.", http.StatusBadRequest)
			return
		}
		set = p.systems[i].set
	}
	p.down[what] = !p.down[what]
	set(p.down[what])
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// unavailable is a vendor that is down.
func unavailable(w http.ResponseWriter, _ *http.Request) bool {
	http.Error(w, "503 Service Unavailable", http.StatusServiceUnavailable)
	return true
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

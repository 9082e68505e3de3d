package server

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/workflow"
)

// Deps is what a Server needs.
type Deps struct {
	// Workflow answers the pages. Nil: a process without the server's role,
	// which shows its health and metrics only.
	Workflow *workflow.Service
	Logger   zerolog.Logger

	// GatewayURL is where a brokered key is used, as its owner reads it on
	// the reveal page. Empty: the page gives no example.
	GatewayURL string

	// Limits completes a connection's limits with the gateway's own, as the
	// page about its clients shows them. Nil: the connection's alone.
	Limits func(connectors.Limits) connectors.Limits

	// Ready looks at what serving needs, such as the database. It must come
	// back when its context ends. Nil: always ready.
	Ready func(context.Context) []Check

	// Metrics is what /metrics shows; the doors' own metrics join it. One
	// registry serves one Server. Nil: a registry of the Server's own.
	Metrics *prometheus.Registry

	// PSKs are the pre-shared keys under which rotated keys are handed out, by
	// their IDs: 32 bytes each.
	PSKs map[string]secret.Value

	// SignIn is how admins sign in to the console. Nil: there is no console.
	SignIn *SignIn

	// Secure says that people reach these doors over https only, and has
	// their browsers insist on it.
	Secure bool
}

// Check is the outcome of one look at something that serving needs. Name is
// public; Err is for the log only.
type Check struct {
	Name  string
	Err   error
	Minor bool // shown, and requests are sent here all the same
}

// Server is the HTTP doors. Safe for concurrent use.
type Server struct {
	workflow *workflow.Service
	log      zerolog.Logger
	gateway  string // without a trailing slash, or empty
	limits   func(connectors.Limits) connectors.Limits
	ready    func(context.Context) []Check
	registry *prometheus.Registry
	secure   bool

	pages      *template.Template
	traffic    traffic
	events     *prometheus.CounterVec
	guesses    *guesses // of tickets
	keyGuesses *guesses
	paces      *paces
	psks       map[string]secret.Value
	patience   time.Duration // with a rotation's new key
	slack      *slackSignIn  // nil: there is no console
}

// New makes the doors; Handler opens them.
func New(d Deps) *Server {
	if d.Ready == nil {
		d.Ready = func(context.Context) []Check { return nil }
	}
	if d.Metrics == nil {
		d.Metrics = prometheus.NewRegistry()
	}
	s := &Server{
		workflow: d.Workflow,
		log:      d.Logger,
		gateway:  strings.TrimRight(d.GatewayURL, "/"),
		limits:   d.Limits,
		ready:    d.Ready,
		registry: d.Metrics,
		secure:   d.Secure,
		pages:    template.Must(template.ParseFS(files, "pages/*.html")),
		traffic:  newTraffic(d.Metrics),
		events:   newEvents(d.Metrics),

		guesses:    newGuesses(time.Now),
		keyGuesses: newGuesses(time.Now),
		paces:      newPaces(time.Now),
		psks:       d.PSKs,
		patience:   rotateWithin,
	}
	if d.SignIn != nil {
		s.slack = newSlackSignIn(*d.SignIn)
	}
	return s
}

// Handler is every route behind the protections that all of them share.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.about)
	mux.HandleFunc("GET /assets/{file}", s.asset)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.readiness)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	if s.workflow != nil {
		mux.HandleFunc("HEAD /reveal/{ticket}", s.headOfLink)
		mux.HandleFunc("GET /reveal/{ticket}", s.lookAtTicket)
		mux.Handle("POST /reveal/{ticket}", s.fromOurPage(s.revealKey, "The key was not shown"))
		mux.HandleFunc("/reveal/{ticket}", s.wrongMethod("GET, HEAD, POST"))
		mux.HandleFunc("HEAD /oauth/{connection}/start/{link}", s.headOfLink)
		mux.HandleFunc("GET /oauth/{connection}/start/{link}", s.lookAtConnect)
		mux.Handle("POST /oauth/{connection}/start/{link}", s.fromOurPage(s.beginConnect, "Nothing was connected"))
		mux.HandleFunc("/oauth/{connection}/start/{link}", s.wrongMethod("GET, HEAD, POST"))
		mux.HandleFunc("HEAD /oauth/{connection}/callback", s.headOfLink)
		mux.HandleFunc("GET /oauth/{connection}/callback", s.finishConnect)
		mux.HandleFunc("/oauth/{connection}/callback", s.wrongMethod("GET, HEAD"))
		mux.HandleFunc("HEAD "+reportRoute, s.headOfLink)
		mux.HandleFunc("GET "+reportRoute, s.caseReport)
		mux.HandleFunc(reportRoute, s.wrongMethod("GET, HEAD"))
		mux.HandleFunc("GET "+clientsRoute, s.clients)
		mux.HandleFunc(clientsRoute, s.wrongMethod("GET, HEAD"))
		mux.HandleFunc(hookRoute, s.hook)
		s.openV1(mux)
		mux.Handle(scimRoot, s.scimDoor())
		s.consoleRoutes(mux)
		mux.HandleFunc("/v1/", s.unknownAddress)
	}
	mux.HandleFunc("/", s.unknownPage)
	return s.observe(s.harden(mux))
}

// Package web holds the browser client of the simulated Slack workspace: plain
// HTML, CSS and ES modules, with no framework, no build step and no outside
// resources.
//
// It owns what a person sees and presses: the persona switcher, channels, the
// Block Kit renderer, modals and App Home. It does not own any state of the
// workspace: it draws what GET /client/state says and reports what the person
// did to POST /client/act.
package web

// Command latchkey is the one binary: the demo, the service in any of its
// roles, and the tools around the configuration and the database.
//
// It is the only place that knows every package. It owns the start, the
// wiring and the clean stop, and no rule of its own.
package main

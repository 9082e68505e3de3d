// Package slacksim is a Slack workspace on localhost, strict enough that what
// works here works at Slack. The tests and `latchkey demo` run the bot against it.
//
// It owns: the Web API, Socket Mode, response URLs and file uploads that an app
// talks to; the people, channels, messages and views behind them; the Go driver
// that acts as a person; the faults an app must survive; the browser client.
//
// It does not own the rules of Block Kit, which are in slacksim/blockkit, and it
// knows nothing about Latchkey: any Socket Mode app can be run against it.
package slacksim

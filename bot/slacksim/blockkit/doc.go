// Package blockkit judges, offline, the JSON documents an app sends to Slack.
//
// It owns the JSON Schemas generated from Slack's published types, the app
// manifest schema, and the rules Slack enforces but publishes in prose only.
// Every problem names the offending value with a JSON pointer, the way Slack's
// invalid_blocks answer does.
//
// It does not own any transport, view state or knowledge of the bot: documents
// come in as bytes and problems go out.
package blockkit

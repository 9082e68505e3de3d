// Package config owns latchkey.yaml: reading it strictly, expanding ${NAME}
// from the environment, checking it against the JSON Schema that editors use
// too, and saying everything that is wrong with it at once, each with its line
// and column.
//
// It does not own what policies mean (workflow), which kinds of system exist
// (connectors/catalog; its caller names them), or CEL: Explain gives the
// positions to problems that workflow finds.
package config

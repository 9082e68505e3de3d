// Package postgres runs a private PostgreSQL server from programs that are
// already on the machine, so that a first start needs no database set up.
//
// It owns finding the programs, the data directory, the account the server
// runs as, its settings, and starting and stopping it. It does not own what is
// inside the database (roles, schema, pools: that is storage), and it never
// downloads or installs anything.
package postgres

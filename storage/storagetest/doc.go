// Package storagetest gives every test a PostgreSQL database of its own.
//
// It owns the server that all test processes of a user share, the template
// databases that make a migrated one cheap, and clearing up after both. It
// does not own the schema: the caller passes the migrations in, so that
// storage can use this package in its own tests.
package storagetest

// Package double has what the doubles of vendors do alike, whatever vendor
// they play: they are served on localhost, and wait when a test says so. It
// knows no vendor and no connector.
package double

// Command bench plays the parts of the gateway's comparison that are Go
// programs: the gateway itself with its database, a bare reverse proxy, the
// checker behind nginx's auth_request, and a paced client. run.sh starts them
// beside nginx and Caddy and prints the table.
//
// It does not own what is measured (gateway), nor the load at full speed (wrk).
package main

package postgres

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"
)

// oldestVersion is the oldest PostgreSQL major version that is run.
const oldestVersion = 15

// ErrNoBinaries says that no usable server programs are on this machine. The
// errors that wrap it tell the reader how to get them.
var ErrNoBinaries = errors.New("no usable PostgreSQL server programs found")

// Config says where a private server lives and how careful it is.
type Config struct {
	// Dir belongs to the server alone and is created when missing. A
	// directory that holds anything else is refused.
	Dir string
	// Ephemeral trades durability for speed, for tests and throw-away demos:
	// a crash of the machine loses the data.
	Ephemeral bool
	// Logger receives the server's own log: panics as errors, all else as
	// debug events.
	Logger zerolog.Logger
}

// InUseError says that a live server already runs on a data directory.
type InUseError struct {
	// Dir is the directory that was asked for.
	Dir string
	// PID is the process that runs the server, zero when it is only about
	// to.
	PID int
	// DSN reaches the server, which may still be starting.
	DSN string
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("database directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("database directory %s is in use by process %d", e.Dir, e.PID)
}

// installHint says in one sentence how to get the programs on an operating
// system, named as Go names it.
func installHint(goos string) string {
	switch goos {
	case "linux":
		return "on Debian or Ubuntu run \"apt-get install postgresql\", " +
			"on Fedora or RHEL run \"dnf install postgresql-server\" " +
			"(RHEL 9: \"dnf module install postgresql:16/server\"), " +
			"set PG_BIN to the folder of initdb and postgres, " +
			"or set database_url to a server of your own"
	case "darwin":
		return "run \"brew install postgresql@17\" or install Postgres.app, " +
			"set PG_BIN to the folder of initdb and postgres, " +
			"or set database_url to a server of your own"
	case "windows":
		return "a private server is not available on Windows: set database_url to a server of your own"
	default:
		return fmt.Sprintf("install PostgreSQL %d or newer and set PG_BIN to the folder of initdb and postgres, "+
			"or set database_url to a server of your own", oldestVersion)
	}
}

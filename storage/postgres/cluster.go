//go:build unix

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// superuser is the database role that initdb creates and everyone connects as.
const superuser = "latchkey"

// cannotConnectNow is what a server that is starting or stopping answers.
const cannotConnectNow = "57P03"

// Cluster is a data directory that a server can run on, and all that is needed
// to run it. Start does so for a server that ends with us; the shared server
// of tests outlives its first user and runs Command itself.
type Cluster struct {
	acct      *account
	bin       string
	root      string // holds data and, when short enough, the socket
	sockets   string
	ephemeral bool
	lock      *os.File
}

// Prepare finds the programs, claims cfg.Dir, ends what a killed process left
// running there and creates the database files when there are none. A live
// server on the directory is an InUseError.
func Prepare(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	dir, lock, err := claim(cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	c := &Cluster{lock: lock, ephemeral: cfg.Ephemeral}
	c.root, c.acct, err = locate(dir, cfg)
	if err != nil {
		return nil, err
	}
	err = clearOrphan(ctx, dir, c.data())
	if err != nil {
		return nil, err
	}
	major, err := dataVersion(c.data())
	if err != nil {
		return nil, err
	}
	found, err := systemSearch().find(ctx, c.acct, major)
	if err != nil {
		return nil, err
	}
	c.bin = found.dir
	err = c.acct.own(c.root)
	if err != nil {
		return nil, err
	}
	c.sockets, err = socketDir(c.root, c.acct)
	if err != nil {
		return nil, err
	}
	err = writeUser(lock, c.DSN())
	if err != nil {
		return nil, err
	}
	if major == 0 {
		cfg.Logger.Info().Str("data", c.data()).Int("version", found.major).Msg("creating database files")
		err = c.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DSN reaches the server once it runs, through a unix socket only.
func (c *Cluster) DSN() string { return dsn(c.sockets) }

// Dirs lists the directories to remove when the data is wanted no longer.
func (c *Cluster) Dirs() []string {
	if c.sockets == c.root {
		return []string{c.root}
	}
	return []string{c.root, c.sockets}
}

// Unlock gives up the claim on the directory.
func (c *Cluster) Unlock() error { return c.lock.Close() }

// Command returns the command that runs the server in the foreground as its
// account, with the words of wrapper in front.
func (c *Cluster) Command(wrapper ...string) *exec.Cmd {
	words := slices.Concat(wrapper, []string{filepath.Join(c.bin, "postgres"), "-D", c.data()})
	for _, setting := range c.settings() {
		words = append(words, "-c", setting)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = c.root
	cmd.Env = environment(c.root)
	cmd.SysProcAttr = processAttributes(c.acct)
	return cmd
}

// Ready waits until the server completes the handshake of a session, for as
// long as ctx allows: after a crash it replays its log first.
func (c *Cluster) Ready(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		var refusal *pgconn.PgError
		if errors.As(err, &refusal) && refusal.Code != cannotConnectNow {
			return fmt.Errorf("connect to server: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for server: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (c *Cluster) data() string { return filepath.Join(c.root, dataName) }

// create runs initdb beside the final place and moves the result there, so
// that an interrupted run leaves nothing that looks complete.
//
// Authentication is "trust": whoever reaches the socket is the superuser. That
// is acceptable only because the server listens on nothing but the socket and
// the socket's directory is 0700, so just its owner and root get there.
func (c *Cluster) create(ctx context.Context) error {
	unfinished := c.data() + ".new"
	err := os.RemoveAll(unfinished)
	if err != nil {
		return fmt.Errorf("remove unfinished database files: %w", err)
	}
	args := []string{
		"-D", unfinished, "-U", superuser, "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-instructions",
	}
	if c.ephemeral {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = c.root
	cmd.Env = environment(c.root)
	cmd.SysProcAttr = processAttributes(c.acct)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("create database files: %w: %s", err, bytes.TrimSpace(out))
	}
	err = os.Rename(unfinished, c.data())
	if err != nil {
		return fmt.Errorf("finish database files: %w", err)
	}
	return nil
}

// settings are the server's parameters. They stand on the command line, where
// they win over the files in the data directory.
func (c *Cluster) settings() []string {
	settings := []string{
		"listen_addresses=",
		"port=5432",
		"unix_socket_directories=\"" + c.sockets + "\"",
		"unix_socket_permissions=0700",
		"cluster_name=" + clusterName,
		"timezone=UTC",
		"log_timezone=UTC",
		// The log goes to our standard error, and no value of a statement
		// may: errors carry values in their text, details and parameters.
		// The client that caused an error is told in full.
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=",
		"log_min_messages=log",
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
		"log_statement=none",
		"log_min_duration_statement=-1",
		"log_parameter_max_length=0",
		"log_parameter_max_length_on_error=0",
	}
	if !c.ephemeral {
		return append(settings,
			"max_connections=200",
			"fsync=on", "full_page_writes=on", "synchronous_commit=on")
	}
	return append(settings,
		"max_connections=500", // many tests open a pool each
		"fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"wal_level=minimal", "max_wal_senders=0")
}

// dataVersion returns the major version that made the data, or zero when there
// is none yet.
func dataVersion(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of database files: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read version of database files: %w", err)
	}
	return major, nil
}

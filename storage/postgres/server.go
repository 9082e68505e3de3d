//go:build unix

package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

const (
	// fastTime is how long a fast shutdown may write its last checkpoint.
	fastTime = 30 * time.Second
	// immediateTime is how long the processes of a server may take to drop
	// everything.
	immediateTime = 5 * time.Second
)

// Server is a running private server. It ends when Stop is called and, on
// Linux, when this process dies.
type Server struct {
	cluster *Cluster
	logger  zerolog.Logger
	log     *serverLog
	cmd     *exec.Cmd
	exited  chan struct{} // closed after exitErr is set
	exitErr error

	stopping chan struct{}
	stopOnce sync.Once
	freeOnce sync.Once
}

// Start runs a server on cfg.Dir, creating its files when there are none, and
// returns when it takes connections. It waits as long as ctx allows; ctx does
// not bound the server's life.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cluster, err := Prepare(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare private postgres: %w", err)
	}
	s := &Server{
		cluster:  cluster,
		logger:   cfg.Logger,
		log:      &serverLog{logger: cfg.Logger},
		exited:   make(chan struct{}),
		stopping: make(chan struct{}),
	}
	err = s.run()
	if err != nil {
		s.free()
		return nil, fmt.Errorf("run private postgres: %w", err)
	}
	err = s.awaitReady(ctx)
	if err != nil {
		_ = s.Stop(context.WithoutCancel(ctx)) // the error below says more
		return nil, fmt.Errorf("start private postgres: %w", err)
	}
	s.logger.Info().Str("data", cluster.data()).Str("programs", cluster.bin).
		Int("pid", s.cmd.Process.Pid).Msg("private postgres runs")
	return s, nil
}

// DSN is the URL that reaches the server as its superuser.
func (s *Server) DSN() string { return s.cluster.DSN() }

// Stop shuts the server down fast: sessions end, everything committed is
// written. When ctx ends or that takes too long the server stops at once; what
// was committed is then recovered at the next start. Stop may be called again.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stopping) })
	defer s.free()
	if s.signal(ctx, syscall.SIGINT, fastTime) {
		return nil
	}
	s.logger.Warn().Msg("private postgres is slow to stop, stopping it at once")
	ctx = context.WithoutCancel(ctx)
	if s.signal(ctx, syscall.SIGQUIT, immediateTime) || s.signal(ctx, syscall.SIGKILL, immediateTime) {
		return nil
	}
	return fmt.Errorf("stop private postgres: process %d does not end", s.cmd.Process.Pid)
}

// run starts the process. The goroutine keeps its thread until the server
// ends, because on Linux the server is tied to the thread that started it.
func (s *Server) run() error {
	s.cmd = s.cluster.Command()
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.WaitDelay = time.Second
	tieToParent(s.cmd.SysProcAttr)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		s.exitErr = s.cmd.Wait()
		close(s.exited)
		select {
		case <-s.stopping:
		default:
			s.logger.Error().Err(s.exitErr).Str("log", s.log.tail()).Msg("private postgres ended by itself")
		}
	}()
	return <-started
}

// awaitReady waits for the first session, or for the process to give up.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.exited:
			cancel(fmt.Errorf("server ended: %w: %s", s.exitErr, s.log.tail()))
		case <-ctx.Done():
		}
	}()
	return s.cluster.Ready(ctx)
}

// signal sends sig and reports whether the server ended in time.
func (s *Server) signal(ctx context.Context, sig os.Signal, limit time.Duration) bool {
	_ = s.cmd.Process.Signal(sig) // fails only when the process is gone
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.exited:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// free gives the directory back.
func (s *Server) free() {
	s.freeOnce.Do(func() {
		if s.cluster.sockets != s.cluster.root {
			_ = os.RemoveAll(s.cluster.sockets)
		}
		_ = s.cluster.Unlock()
	})
}

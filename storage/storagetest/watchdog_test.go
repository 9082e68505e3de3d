//go:build unix

package storagetest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// stage runs the watchdog with a stand-in for the server, and with sleep and
// mv replaced by programs that say so and wait for a nod.
type stage struct {
	dir   string // of the signals
	lease string
	cmd   *exec.Cmd
	calls *bufio.Reader
	nod   *os.File
	ended chan error
}

func newStage(t *testing.T) (*stage, *os.File) {
	t.Helper()
	dir := t.TempDir()
	s := &stage{dir: dir, lease: filepath.Join(dir, "server", leaseName), ended: make(chan error, 1)}
	programs := filepath.Join(dir, "bin")
	for _, path := range []string{programs, filepath.Dir(s.lease)} {
		err := os.Mkdir(path, 0o755)
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, then := range map[string]string{"sleep": "", "mv": `/bin/mv "$@"; echo moved >` + dir + "/calls"} {
		body := "#!/bin/sh\necho " + name + " >" + dir + "/calls\nread nod <" + dir + "/nod\n" + then + "\n"
		err := os.WriteFile(filepath.Join(programs, name), []byte(body), 0o755)
		if err != nil {
			t.Fatal(err)
		}
	}
	calls := s.fifo(t, "calls")
	s.calls, s.nod = bufio.NewReader(calls), s.fifo(t, "nod")

	reader, lease, err := makeLease(s.lease)
	if err != nil {
		t.Fatal(err)
	}
	server := another(t, roleServer, dir)
	cmd := exec.Command("/bin/sh", "-c", watchdog, "watchdog", "9", filepath.Dir(s.lease), filepath.Dir(s.lease), server.Path)
	cmd.Env = append(server.Env, "PATH="+programs+":"+os.Getenv("PATH"))
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{reader}
	err = cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	s.cmd = cmd
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	go func() { s.ended <- cmd.Wait() }()
	s.expect(t, "server")
	return s, lease
}

// fifo opens both ends, so that neither side waits for the other.
func (s *stage) fifo(t *testing.T, name string) *os.File {
	t.Helper()
	path := filepath.Join(s.dir, name)
	err := syscall.Mkfifo(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func (s *stage) expect(t *testing.T, call string) {
	t.Helper()
	line, err := s.calls.ReadString('\n')
	if err != nil || line != call+"\n" {
		t.Fatalf("expected %s, got %q, %v", call, line, err)
	}
}

func (s *stage) goOn(t *testing.T) {
	t.Helper()
	_, err := s.nod.WriteString("\n")
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) join(t *testing.T) *os.File {
	t.Helper()
	lease, err := takeLease(s.lease)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestWatchdogStaysForWhoeverJoins(t *testing.T) {
	t.Parallel()
	s, first := newStage(t)
	_ = first.Close()
	s.expect(t, "sleep")
	second := s.join(t) // while idle
	s.goOn(t)
	_ = second.Close()
	s.expect(t, "sleep")
	brief := s.join(t) // joins and leaves while idle
	_ = brief.Close()
	s.goOn(t)
	s.expect(t, "sleep")
	s.goOn(t)

	s.expect(t, "mv")
	last := s.join(t) // in the last moment
	s.goOn(t)
	s.expect(t, "moved")
	sweepServer(filepath.Dir(s.lease))
	_, err := os.Stat(filepath.Join(filepath.Dir(s.lease), closingName))
	if err != nil {
		t.Errorf("a server in use was swept: %v", err)
	}
	_, err = takeLease(s.lease)
	if err == nil {
		t.Error("joined a server that takes no new users")
	}
	err = os.WriteFile(filepath.Join(s.dir, "left"), nil, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_ = last.Close()
	err = <-s.ended
	if err != nil {
		t.Error(err)
	}
	outcome, err := os.ReadFile(filepath.Join(s.dir, "stopped"))
	if err != nil || string(outcome) != "after the last user" {
		t.Errorf("the server stopped %s, %v", outcome, err)
	}
	_, err = os.Stat(filepath.Dir(s.lease))
	if !os.IsNotExist(err) {
		t.Errorf("the server's directory is left behind: %v", err)
	}
}

func TestWatchdogPassesASignalOn(t *testing.T) {
	t.Parallel()
	s, lease := newStage(t)
	defer lease.Close()
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	err = <-s.ended
	if err != nil {
		t.Error(err)
	}
	_, err = os.Stat(filepath.Join(s.dir, "stopped"))
	if err != nil {
		t.Errorf("the server was not stopped: %v", err)
	}
}

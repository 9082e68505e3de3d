//go:build unix

package postgres

import (
	"bytes"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// tailLines is how much of the server's log explains why it ended.
const tailLines = 12

// serverLog takes what the server writes to its standard error, line by line.
// Everything is debug output but panics: what concerns a client it is told
// itself, and starting and stopping would cry wolf.
type serverLog struct {
	logger zerolog.Logger

	mu      sync.Mutex
	partial []byte
	last    []string
}

// Write never fails, so the server never stops over its log.
func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.line(string(line))
		l.partial = rest
	}
}

func (l *serverLog) line(text string) {
	l.last = append(l.last, text)
	if len(l.last) > tailLines {
		l.last = l.last[1:]
	}
	level := zerolog.DebugLevel
	if strings.HasPrefix(text, "PANIC:") {
		level = zerolog.ErrorLevel
	}
	l.logger.WithLevel(level).Str("line", text).Msg("private postgres says")
}

// tail returns the last lines as one.
func (l *serverLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "; ")
}

package auditlog

import (
	"bufio"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// Format is a form that a stretch of the log is written in.
type Format string

// The formats.
const (
	// FormatJSONL proves itself: Verify reads it. Header describes it.
	FormatJSONL Format = "jsonl"
	// FormatCSV is for spreadsheets: the same events, without proofs.
	FormatCSV Format = "csv"
	// FormatOCSF is for SIEMs: an event of the Open Cybersecurity Schema
	// Framework a line, without proofs.
	FormatOCSF Format = "ocsf"
)

// form is how one format is written. Each func appends to out, and may be nil.
type form struct {
	header     func(out []byte, h *Header) ([]byte, error)
	event      func(out []byte, e *Entry, leaf tlog.Hash) []byte
	checkpoint func(out []byte, note string) []byte
}

// Naming is what people call a subject: "TK-7F3K". Nil leaves "credential:7".
type Naming = func(subject string, id int64) string

func (f Format) form(h *Header, name Naming) (form, error) {
	switch f {
	case FormatJSONL:
		return form{header: appendHeader, event: appendEvent, checkpoint: appendCheckpoint}, nil
	case FormatCSV:
		return form{header: appendColumns, event: appendRow}, nil
	case FormatOCSF:
		origin, _, err := originAndSize(h.Checkpoint)
		ocsf := OCSF{Origin: origin, Name: name}
		return form{event: func(out []byte, e *Entry, _ tlog.Hash) []byte { return append(append(out, ocsf.Event(e)...), '\n') }}, err
	}
	return form{}, fmt.Errorf("there is no format %q", string(f))
}

// Writer writes a stretch of the log. The same stretch is the same bytes in
// each format, whenever it is written. Use one from one goroutine.
type Writer struct {
	form form
	out  *bufio.Writer
	line []byte
}

// writerRoom is how much is written at once.
const writerRoom = 1 << 16

// NewWriter begins a stretch. name is for the formats that show names.
func NewWriter(w io.Writer, f Format, h *Header, name Naming) (*Writer, error) {
	form, err := f.form(h, name)
	if err != nil {
		return nil, err
	}
	out := &Writer{form: form, out: bufio.NewWriterSize(w, writerRoom)}
	if form.header != nil {
		out.line, err = form.header(nil, h)
	}
	if err != nil {
		return nil, fmt.Errorf("write the header: %w", err)
	}
	return out, out.end()
}

// Event writes the next event and its leaf hash as they are stored: to find
// that they don't fit is for who verifies.
func (w *Writer) Event(e *Entry, leaf tlog.Hash) error {
	w.line = w.form.event(w.line[:0], e, leaf)
	return w.end()
}

// Checkpoint writes a checkpoint of a tree that ends with the event that was
// written last.
func (w *Writer) Checkpoint(note string) error {
	if w.form.checkpoint == nil {
		return nil
	}
	w.line = w.form.checkpoint(w.line[:0], note)
	return w.end()
}

// Flush writes what is still held back. Call it at the end.
func (w *Writer) Flush() error { return w.out.Flush() }

func (w *Writer) end() error {
	_, err := w.out.Write(w.line)
	return err
}

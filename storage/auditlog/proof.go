package auditlog

import (
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// ProofWriter writes single events, each with the proof that it lies in the
// tree of a checkpoint. The file has the form that Header describes, with
// these differences: format is "latchkey-audit-proof/1", the header has no
// from, to and outside, events need not follow each other, and each has a last
// member, proof: the hashes of its inclusion proof (RFC 6962, section 2.1.1).
type ProofWriter struct {
	out  io.Writer
	line []byte
}

// NewProofWriter begins a file. From, To and Outside of the header mean
// nothing here.
func NewProofWriter(out io.Writer, h *Header) (*ProofWriter, error) {
	line, err := appendProofHeader(nil, h)
	if err != nil {
		return nil, err
	}
	_, err = out.Write(line)
	return &ProofWriter{out, line}, err
}

// Event writes an event with its proof.
func (w *ProofWriter) Event(e *Entry, leaf tlog.Hash, proof tlog.RecordProof) error {
	w.line = appendProven(w.line[:0], e, leaf, proof)
	_, err := w.out.Write(w.line)
	return err
}

func appendProofHeader(b []byte, h *Header) ([]byte, error) {
	origin, size, err := originAndSize(h.Checkpoint)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	b = appendMember(b, "format", proofFormat)
	b = appendMember(b, "origin", origin)
	b = appendMember(b, "public", h.Public)
	b = appendInteger(b, "size", size)
	b = appendMember(b, "checkpoint", h.Checkpoint)
	b = appendOlder(b, h)
	return append(b, '}', '\n'), nil
}

func appendProven(b []byte, e *Entry, leaf tlog.Hash, proof tlog.RecordProof) []byte {
	b = appendHashes(appendEntry(b, e, leaf), "proof", proof)
	return append(b, '}', '\n')
}

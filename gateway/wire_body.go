package gateway

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
)

// maxTrailers is how long the trailers of an answer may be, which are dropped.
const maxTrailers = 4 << 10

var errTrailers = errors.New("the trailers of the vendor's answer are malformed or too large")

// bodyKind is how the end of an answer's body is found.
type bodyKind int

const (
	noBody bodyKind = iota
	sizedBody
	chunkedBody
	endlessBody // it ends with the connection
)

// answerBody reads the body of an answer off its connection. io.EOF is the end
// of one that is whole.
type answerBody struct {
	kind   bodyKind
	r      *bufio.Reader
	left   int64 // of a sized one
	chunks io.Reader
}

// body is the one that follows the head; toHead says that the request was a
// HEAD.
func (a *answerHead) body(toHead bool, r *bufio.Reader) answerBody {
	switch {
	case toHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified:
		return answerBody{}
	case a.chunked:
		return answerBody{kind: chunkedBody, r: r, chunks: httputil.NewChunkedReader(r)}
	case a.sized && a.length == 0:
		return answerBody{}
	case a.sized:
		return answerBody{kind: sizedBody, r: r, left: a.length}
	}
	return answerBody{kind: endlessBody, r: r}
}

// here reports whether all of it was received.
func (b *answerBody) here() bool { return b.kind == sizedBody && int64(b.r.Buffered()) >= b.left }

func (b *answerBody) read(p []byte) (int, error) {
	switch b.kind {
	case sizedBody:
		return b.readSized(p)
	case chunkedBody:
		n, err := b.chunks.Read(p)
		if n > 0 && errors.Is(err, io.EOF) {
			return n, nil // what has come does not wait for the trailers
		}
		if errors.Is(err, io.EOF) {
			err = b.skipTrailers()
		}
		return n, err
	case endlessBody:
		return b.r.Read(p)
	case noBody:
	}
	return 0, io.EOF
}

func (b *answerBody) readSized(p []byte) (int, error) {
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		return n, errEarlyEnd
	}
	return n, err
}

// skipTrailers reads to the end of a chunked body, which is io.EOF.
func (b *answerBody) skipTrailers() error {
	for size := 0; size <= maxTrailers; {
		line, err := b.r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return errEarlyEnd
		case err != nil:
			return err
		case len(line) < 2 || line[len(line)-2] != '\r':
			return errTrailers
		case len(line) == len("\r\n"):
			return io.EOF
		}
		size += len(line)
	}
	return errTrailers
}

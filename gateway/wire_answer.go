package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

var (
	errEarlyEnd    = errors.New("the vendor closed the connection before its answer was whole")
	errAnswerHead  = errors.New("the head of the vendor's answer is too large")
	errAnswerLine  = errors.New("a line of the vendor's answer does not end in CRLF or holds control characters")
	errFramedTwin  = errors.New("the vendor's answer says twice how long it is")
	errLength      = errors.New("the vendor's Content-Length is not a number")
	errInterimBody = errors.New("the vendor's interim answer has a body")
	errEncoding    = errors.New("the vendor's Transfer-Encoding is not chunked")
)

// readHead reads status line and headers of an answer, the empty line
// included.
func (c *wireConn) readHead() (string, error) {
	c.text = c.text[:0]
	for begin := 0; ; {
		piece, err := c.r.ReadSlice('\n')
		c.heard = c.heard || len(piece) > 0
		c.text = append(c.text, piece...)
		switch {
		case len(c.text) > maxAnswerHead:
			return "", errAnswerHead
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return "", errEarlyEnd
		case err != nil:
			return "", err
		}
		line := c.text[begin:]
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return "", errAnswerLine
		}
		if begin = len(c.text); len(line) == len("\r\n") {
			return string(c.text), nil
		}
	}
}

// answerHead is what the head of an answer says.
type answerHead struct {
	status  int
	reason  string // with the status, as http.Response has it
	minor   int    // of the HTTP version
	header  http.Header
	sized   bool
	length  int64
	chunked bool
	closes  bool // the connection can't be used again
}

// parseAnswer reads an answer's head. What passes has one reading only, so
// that no two systems can disagree where the answer ends.
func parseAnswer(text string) (answerHead, error) {
	line, rest, _ := strings.Cut(text, "\r\n")
	var a answerHead
	if err := a.statusLine(line); err != nil {
		return a, err
	}
	a.header = make(http.Header, 12)
	values := make([]string, strings.Count(rest, "\n"))
	for len(rest) > len("\r\n") {
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) { // a folded line begins with a space, which is no token
			return a, fmt.Errorf("the vendor's answer has a malformed header: %s", line)
		}
		if value = strings.Trim(value, " \t"); !isFieldValue(value) {
			return a, errAnswerLine
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if err := a.field(name, value); err != nil {
			return a, err
		}
		if before := a.header[name]; before != nil {
			a.header[name] = append(before, value)
			continue
		}
		values[0] = value
		a.header[name], values = values[:1:1], values[1:]
	}
	return a, a.end()
}

func (a *answerHead) statusLine(line string) error {
	version, reason, ok := strings.Cut(line, " ")
	digits, _, _ := strings.Cut(reason, " ")
	status, err := strconv.Atoi(digits)
	if !ok || err != nil || len(digits) != 3 || status < 100 || !isFieldValue(reason) {
		return fmt.Errorf("the vendor's answer begins with a malformed line: %s", line)
	}
	switch version {
	case "HTTP/1.1":
		a.minor = 1
	case "HTTP/1.0":
		a.closes = true
	default:
		return fmt.Errorf("the vendor answers in another protocol: %s", line)
	}
	a.status, a.reason = status, reason
	return nil
}

// field takes from a header what it says about framing.
func (a *answerHead) field(name, value string) error {
	switch name {
	case "Content-Length":
		length, ok := parseLength(value)
		if !ok {
			return errLength
		}
		if a.sized {
			return errFramedTwin
		}
		a.sized, a.length = true, length
	case "Transfer-Encoding":
		if a.minor == 0 || !strings.EqualFold(value, "chunked") {
			return errEncoding
		}
		if a.chunked {
			return errFramedTwin
		}
		a.chunked = true
	case "Connection":
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "close") {
				a.closes = true
			}
		}
	}
	return nil
}

// end judges what only the whole head can tell.
func (a *answerHead) end() error {
	if a.sized && a.chunked {
		return errFramedTwin
	}
	if !a.chunked && a.length == 0 {
		return nil
	}
	switch { // there is no body, whatever the head says, and not all systems know
	case a.status < http.StatusOK:
		return errInterimBody
	case a.status == http.StatusNoContent:
		a.closes = true
	}
	return nil
}

func (a *answerHead) proto() string {
	if a.minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

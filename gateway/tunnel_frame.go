package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// errFrame means that a vendor broke RFC 6455, section 5.2, or used an
// extension that it was not offered.
var errFrame = errors.New("a frame of the vendor's is malformed")

// The bits of a frame's first two bytes.
const (
	frameReserved = 0x70
	frameMasked   = 0x80
	frameLength   = 0x7f
	length16      = 126
	length64      = 127
)

// passFrames copies a vendor's WebSocket frames without its secret, until the
// vendor ends. Frame by frame, because what may be the secret's beginning is
// held back, which must not keep the end of a message from its reader.
func passFrames(to *bufio.Writer, from *bufio.Reader, secrets *mask) error {
	buf, _ := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		head, size, err := readFrameHead(from)
		if err != nil {
			return err
		}
		if _, err := to.Write(head); err != nil {
			return err
		}
		if err := passPayload(to, from, size, secrets, buf[:]); err != nil {
			return err
		}
	}
}

func passPayload(to *bufio.Writer, from *bufio.Reader, size int64, secrets *mask, buf []byte) error {
	payload := &io.LimitedReader{R: from, N: size}
	body := maskedBody{from: payload, mask: secrets}
	for {
		n, err := body.Read(buf)
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
		end := errors.Is(err, io.EOF)
		if end && payload.N > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil && !end {
			return err
		}
		if err := to.Flush(); err != nil || end {
			return err
		}
	}
}

// readFrameHead reads a frame up to its payload, and the payload's size.
func readFrameHead(from *bufio.Reader) (head []byte, size int64, err error) {
	head, err = from.Peek(2)
	if err != nil {
		return nil, 0, err
	}
	if head[0]&frameReserved != 0 || head[1]&frameMasked != 0 {
		return nil, 0, errFrame
	}
	more := 0
	switch head[1] & frameLength {
	case length16:
		more = 2
	case length64:
		more = 8
	}
	head, err = from.Peek(2 + more)
	if err != nil {
		return nil, 0, err
	}
	length := uint64(head[1] & frameLength)
	switch more {
	case 2:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		length = binary.BigEndian.Uint64(head[2:])
	}
	if length > math.MaxInt64 {
		return nil, 0, errFrame
	}
	head = bytes.Clone(head)
	_, err = from.Discard(len(head))
	return head, int64(length), err
}

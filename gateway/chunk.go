package gateway

// body follows the framing of one request's body.
type body struct {
	left    int64 // of the body, or of the current chunk
	chunked bool
	at      chunkPart
	digits  int
}

// chunkPart is where in the chunked framing the next byte stands.
type chunkPart int

const (
	chunkSize chunkPart = iota
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	lastCR
	lastLF
	chunksDone
)

const maxSizeDigits = 8

// open reports whether more of the body is to come.
func (b *body) open() bool {
	if b.chunked {
		return b.at != chunksDone
	}
	return b.left > 0
}

// pass returns how many bytes of p belong to the body, and false if the one
// after them breaks the framing. There are no chunk extensions and no
// trailers: nobody needs them, and servers disagree about them.
func (b *body) pass(p []byte) (int, bool) {
	if !b.chunked {
		n := min(int64(len(p)), b.left)
		b.left -= n
		return int(n), true
	}
	for i := 0; i < len(p) && b.at != chunksDone; {
		if b.at == chunkData {
			n := min(int64(len(p)-i), b.left)
			b.left -= n
			i += int(n)
			if b.left == 0 {
				b.at = chunkDataCR
			}
			continue
		}
		if !b.mark(p[i]) {
			return i, false
		}
		if i++; b.at == chunksDone {
			return i, true
		}
	}
	return len(p), true
}

// mark takes a byte of the framing between the data.
func (b *body) mark(c byte) bool {
	switch b.at {
	case chunkSize:
		return b.size(c)
	case chunkSizeLF:
		b.at, b.digits = chunkData, 0
		if b.left == 0 {
			b.at = lastCR
		}
		return c == '\n'
	case chunkDataCR:
		b.at = chunkDataLF
		return c == '\r'
	case chunkDataLF:
		b.at = chunkSize
		return c == '\n'
	case lastCR:
		b.at = lastLF
		return c == '\r'
	case lastLF:
		b.at = chunksDone
		return c == '\n'
	case chunkData, chunksDone:
	}
	return false
}

func (b *body) size(c byte) bool {
	if c == '\r' {
		b.at = chunkSizeLF
		return b.digits > 0
	}
	if !isHex(c) || b.digits == maxSizeDigits {
		return false
	}
	b.digits++
	b.left = b.left<<4 | int64(unhex(c))
	return true
}

package gateway

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a client that writes HTTP/2 frames as they are.
type frames struct {
	*http2.Framer
	conn  net.Conn
	block bytes.Buffer
	enc   *hpack.Encoder
	next  uint32
}

// fields are names and values in turn.
type fields []string

// speak begins to speak HTTP/2 on a connection.
func speak(t testing.TB, conn net.Conn, settings ...http2.Setting) *frames {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, preface); err != nil {
		t.Fatal(err)
	}
	f := &frames{Framer: http2.NewFramer(conn, conn), conn: conn, next: 1}
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4<<10, nil)
	f.enc = hpack.NewEncoder(&f.block)
	if err := f.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bundle) speak(t testing.TB, settings ...http2.Setting) *frames {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	return speak(t, conn, settings...)
}

func (f *frames) encode(t testing.TB, header fields) []byte {
	t.Helper()
	f.block.Reset()
	for i := 0; i < len(header); i += 2 {
		if err := f.enc.WriteField(hpack.HeaderField{Name: header[i], Value: header[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Clone(f.block.Bytes())
}

// open opens a stream; end says that it has no body.
func (f *frames) open(t testing.TB, end bool, header fields) uint32 {
	t.Helper()
	id := f.next
	f.next += 2
	block := f.encode(t, header)
	first, rest := block[:min(len(block), frameSize)], block[min(len(block), frameSize):]
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(rest) == 0})
	for err == nil && len(rest) > 0 {
		n := min(len(rest), frameSize)
		err = f.WriteContinuation(id, n == len(rest), rest[:n])
		rest = rest[n:]
	}
	if err != nil {
		t.Logf("open stream %d: %v", id, err)
	}
	return id
}

// answer reads what becomes of a stream: a status and a body, or how the
// stream or the connection ended.
func (f *frames) answer(id uint32) (string, string) {
	status := ""
	var body strings.Builder
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return "closed", body.String()
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
			continue
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo {
				return "GOAWAY " + frame.ErrCode.String(), ""
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == id && (status == "" || frame.ErrCode != http2.ErrCodeNo) {
				return "RST " + frame.ErrCode.String(), ""
			}
		case *http2.MetaHeadersFrame:
			if frame.StreamID == id {
				status = frame.PseudoValue("status")
			}
		case *http2.DataFrame:
			if frame.StreamID == id {
				body.Write(frame.Data())
			}
		}
		ended := frame.Header().Flags.Has(http2.FlagDataEndStream)
		if frame.Header().StreamID == id && ended && status != "" {
			return status, body.String()
		}
	}
}

// head is a request that is let through, with more fields.
func (b *bundle) head(method, target, key string, more ...string) fields {
	f := fields{":method", method, ":scheme", "http", ":authority", "h", ":path", target}
	if key != "" {
		f = append(f, "authorization", "Bearer "+key)
	}
	return append(f, more...)
}

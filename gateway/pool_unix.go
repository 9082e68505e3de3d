//go:build unix

package gateway

import (
	"errors"
	"syscall"
)

// silent reports whether a read of the socket would have to wait. There are
// neither bytes nor the end to be read.
func silent(raw syscall.RawConn) bool {
	quiet := false
	err := raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		quiet = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK)
		return true
	})
	return err == nil && quiet
}

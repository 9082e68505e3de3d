package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"latchkey/storage/auditlog"
)

// exportFile is where an export goes. What is in the file already is compared
// with what would be written, and only the rest is.
type exportFile struct {
	file *os.File
	was  *bufio.Reader
	left int64 // bytes that are in the file and were not compared yet
	at   int64
}

// openExport opens the file of an export; no name is nil.
func openExport(name string, resume bool) (*exportFile, error) {
	if name == "" {
		return nil, nil
	}
	flags := os.O_RDWR | os.O_CREATE
	if !resume {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already; --resume goes on with it", name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &exportFile{file: f, was: bufio.NewReader(io.NewSectionReader(f, 0, info.Size())), left: info.Size()}, nil
}

// header reads the header of a file that is there; the zero value when it does
// not have it in full.
func (f *exportFile) header() (auditlog.Header, error) {
	line, err := bufio.NewReader(io.NewSectionReader(f.file, 0, f.left)).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return auditlog.Header{}, nil
	}
	if err != nil {
		return auditlog.Header{}, err
	}
	return auditlog.ParseHeader(line)
}

// Write implements io.Writer.
func (f *exportFile) Write(p []byte) (int, error) {
	n := int(min(int64(len(p)), f.left))
	if n > 0 {
		was := make([]byte, n)
		if _, err := io.ReadFull(f.was, was); err != nil {
			return 0, err
		}
		if !bytes.Equal(was, p[:n]) {
			return 0, fmt.Errorf("%s is not the beginning of this export: it differs after byte %d", f.file.Name(), f.at)
		}
		f.left -= int64(n)
		f.at += int64(n)
	}
	more, err := f.file.WriteAt(p[n:], f.at)
	f.at += int64(more)
	return n + more, err
}

// whole says at the end of an export whether the file is just that.
func (f *exportFile) whole() error {
	if f.left > 0 {
		return fmt.Errorf("%s has more in it than this export: %d bytes follow", f.file.Name(), f.left)
	}
	return f.file.Sync()
}

func (f *exportFile) close() error {
	if f == nil {
		return nil
	}
	return f.file.Close()
}

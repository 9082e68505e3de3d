package slacksim

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// upload is a file between getUploadURLExternal and completeUploadExternal.
type upload struct {
	file   File
	length int
	here   bool // the bytes arrived
	shared bool
}

func (s *Sim) uploadURL(c *call) (doc, error) {
	length, err := strconv.Atoi(c.text("length"))
	if err != nil || length <= 0 || c.text("filename") == "" {
		return nil, refuse("invalid_arguments", "[ERROR] filename and a length above 0 are required")
	}
	id := s.nextID("F")
	s.uploads[id] = &upload{length: length, file: File{ID: id, Name: c.text("filename"), AltText: c.text("alt_txt")}}
	return doc{"upload_url": s.base + "/upload/" + id, "file_id": id}, nil
}

func (s *Sim) serveUpload(w http.ResponseWriter, r *http.Request) {
	content, err := readUpload(r)
	s.mu.Lock()
	status, reply := s.takeUpload(r.PathValue("id"), content, err)
	s.record(Entry{Kind: "upload", Name: r.PathValue("id"), Status: status, Request: s.encode(string(content)), Note: reply})
	s.mu.Unlock()
	w.WriteHeader(status)
	if _, err := io.WriteString(w, reply); err != nil {
		s.log.Debug().Err(err).Msg("writing upload answer")
	}
}

// readUpload takes the raw body, or the first file of a multipart form.
func readUpload(r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, bodyLimit)
	parts, err := r.MultipartReader()
	if err != nil {
		return io.ReadAll(r.Body)
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, fmt.Errorf("find file in form: %w", err)
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

func (s *Sim) takeUpload(id string, content []byte, err error) (int, string) {
	u := s.uploads[id]
	switch {
	case s.faults.down:
		return http.StatusServiceUnavailable, "service unavailable"
	case u == nil:
		return http.StatusNotFound, "not found"
	case err != nil:
		return http.StatusBadRequest, "unreadable"
	case len(content) != u.length:
		s.problem("upload of %s: got %d bytes, %d were announced", u.file.Name, len(content), u.length)
		return http.StatusBadRequest, "length mismatch"
	}
	u.file.Content, u.here = content, true
	return http.StatusOK, fmt.Sprintf("OK - %d", len(content))
}

func (s *Sim) completeUpload(c *call) (doc, error) {
	raw, err := c.object("files")
	if err != nil {
		return nil, err
	}
	wanted, _ := raw.([]any)
	if len(wanted) == 0 {
		return nil, refuse("invalid_arguments", "[ERROR] files is required")
	}
	var files []File
	for _, w := range wanted {
		d, _ := w.(doc)
		u := s.uploads[text(d, "id")]
		if u == nil || !u.here || u.shared {
			return nil, refuse("file_not_found")
		}
		u.file.Title = text(d, "title")
		files = append(files, u.file)
	}
	if err := s.shareFiles(c, files); err != nil {
		return nil, err
	}
	for _, f := range files {
		s.uploads[f.ID].shared = true
	}
	return doc{"files": each(files, func(f File) any { return s.fileDoc(f) })}, nil
}

// shareFiles posts one message per channel with the files in it.
func (s *Sim) shareFiles(c *call, files []File) error {
	ids := c.list("channels")
	if id := c.text("channel_id"); id != "" {
		ids = append(ids, id)
	}
	comment := c.text("initial_comment")
	for _, id := range ids {
		ch := s.channels[id]
		if ch == nil || ch.IsPrivate && !s.botIn(ch) {
			return refuse("channel_not_found")
		}
		if !s.botIn(ch) {
			return refuse("not_in_channel")
		}
		s.post(&message{channel: id, user: s.world.BotUser, fromApp: true, text: comment, threadTS: c.text("thread_ts"), files: files})
	}
	return nil
}

func (s *Sim) fileDoc(f File) doc {
	return doc{
		"id": f.ID, "name": f.Name, "title": f.Title, "size": len(f.Content), "alt_txt": f.AltText,
		"user": s.world.BotUser, "url_private": s.base + "/client/files/" + f.ID,
	}
}

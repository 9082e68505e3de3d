package slacksim

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What one file may hold, and all of them together, finished or on their way. At
// Slack it is 1 GB and, on free teams, 5 GB; a workspace that is kept in memory
// and saved in one piece takes less, and refuses what is more by the same names.
const (
	fileLimit    = 4 << 20
	storageLimit = 16 << 20
	snippetLimit = 1 << 20 // Slack's, for calls with a snippet_type
	altTextLimit = 1_000   // Slack's, in characters
	shareLimit   = 100     // Slack's, in channels per call
)

// uploadTTL is how long an announced upload waits to be completed. That an upload
// is aborted without completion is documented, when is not: unverified.
const uploadTTL = time.Hour

// upload is a file between getUploadURLExternal and completeUploadExternal.
type upload struct {
	file   File
	length int
	key    string // the secret in its URL
	until  time.Time
	here   bool // the bytes arrived; its URL is spent
}

// uploadURL announces a file.
func (s *Sim) uploadURL(c *call) (doc, error) {
	name, alt := c.text("filename"), c.text("alt_txt")
	length, err := strconv.Atoi(c.text("length"))
	switch {
	case err != nil || length < 0 || name == "":
		return nil, refuse("invalid_arguments", "[ERROR] filename and length are required")
	case length == 0:
		return nil, refuse("missing_argument")
	case length > fileLimit:
		return nil, refuse("file_upload_size_restricted")
	case length > snippetLimit && c.text("snippet_type") != "":
		return nil, refuse("snippet_too_large")
	case utf8.RuneCountInString(alt) > altTextLimit:
		return nil, refuse("alt_txt_too_large")
	}
	s.abortUploads()
	if s.stored()+length > storageLimit {
		return nil, refuse("storage_limit_reached")
	}
	u := &upload{
		length: length, key: rand.Text(), until: s.now().Add(uploadTTL),
		file: File{ID: s.nextID("F"), Name: name, AltText: alt},
	}
	s.uploads[u.file.ID] = u
	return doc{"upload_url": s.base + "/upload/v1/" + u.file.ID + "/" + u.key, "file_id": u.file.ID}, nil
}

// abortUploads forgets what nobody completed in time.
func (s *Sim) abortUploads() {
	for id, u := range s.uploads {
		if s.now().After(u.until) {
			delete(s.uploads, id)
		}
	}
}

// stored counts the bytes that are here or announced.
func (s *Sim) stored() int {
	sum := 0
	for _, f := range s.files {
		sum += len(f.Content)
	}
	for _, u := range s.uploads {
		sum += u.length
	}
	return sum
}

// serveUpload takes the bytes. It is no Web API method: the URL is the only
// credential, and the answer is a status with plain text.
func (s *Sim) serveUpload(w http.ResponseWriter, r *http.Request) {
	if !s.pause(r, "upload") {
		return
	}
	content, err := readUpload(r)
	s.mu.Lock()
	status, reply := s.takeUpload(r.PathValue("id"), r.PathValue("key"), content, err)
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

// takeUpload keeps the bytes once. Slack documents 200 for success and any other
// status for failure; which status tells what is unverified.
func (s *Sim) takeUpload(id, key string, content []byte, readErr error) (int, string) {
	u := s.uploads[id]
	switch {
	case s.faults.down:
		return http.StatusServiceUnavailable, "service unavailable"
	case u == nil, u.here, s.now().After(u.until), subtle.ConstantTimeCompare([]byte(u.key), []byte(key)) == 0:
		return http.StatusNotFound, "not found"
	}
	if code, ok := s.faults.failing("upload"); ok {
		return http.StatusInternalServerError, code
	}
	switch {
	case readErr != nil:
		return http.StatusBadRequest, "unreadable"
	case len(content) != u.length:
		s.problem("upload of %s: got %d bytes, %d were announced", u.file.Name, len(content), u.length)
		return http.StatusBadRequest, "length mismatch"
	}
	u.file.Content, u.here = content, true
	return http.StatusOK, fmt.Sprintf("OK - %d", len(content))
}

// completeUpload shares files, or with no channel keeps them for the app alone.
// Nothing happens unless all of it can. Slack shares a moment after it answered,
// this workspace before.
func (s *Sim) completeUpload(c *call) (doc, error) {
	files, err := s.uploaded(c)
	if err != nil {
		return nil, err
	}
	targets, err := s.shareTargets(c)
	if err != nil {
		return nil, err
	}
	said, blocks, err := s.shareWords(c)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		delete(s.uploads, f.ID)
		s.files[f.ID] = f
	}
	for _, ch := range targets {
		m := &message{channel: ch.ID, user: s.world.BotUser, fromApp: true, text: said, extra: doc{}, files: files}
		if blocks != nil {
			m.blocks = s.identify(blocks)
		}
		if thread := c.text("thread_ts"); ch.find(thread) != nil {
			m.threadTS = thread
		}
		s.post(m)
	}
	return doc{"files": each(files, func(f File) any { return s.fileDoc(f) })}, nil
}

// uploaded are the files that a call completes.
func (s *Sim) uploaded(c *call) ([]File, error) {
	raw, err := c.object("files")
	if err != nil {
		return nil, err
	}
	wanted, _ := raw.([]any)
	if len(wanted) == 0 {
		return nil, refuse("invalid_arguments", "[ERROR] files is required")
	}
	var files []File
	named := map[string]bool{}
	for _, w := range wanted {
		d, _ := w.(doc)
		id := text(d, "id")
		u := s.uploads[id]
		if u == nil || !u.here || named[id] || s.now().After(u.until) {
			return nil, refuse("file_not_found")
		}
		named[id] = true
		f := u.file
		f.Title, f.Created = cmp.Or(text(d, "title"), f.Name), s.now().Unix()
		files = append(files, f)
	}
	return files, nil
}

// shareTargets are the channels that a call names: one in channel_id, or several
// in channels, where people stand for their conversation with the app.
func (s *Sim) shareTargets(c *call) ([]*channel, error) {
	ids := c.list("channels")
	if id := c.text("channel_id"); id != "" {
		if !strings.ContainsAny(id[:1], "CGDZ") {
			return nil, refuse("invalid_arguments", "[ERROR] input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]")
		}
		ids = append(ids, id)
	}
	switch {
	case len(ids) > shareLimit:
		return nil, refuse("channels_limit_exceeded")
	case len(ids) > 1 && c.text("thread_ts") != "": // documented as forbidden, the error's name is unverified
		return nil, refuse("invalid_arguments", "[ERROR] thread_ts takes one channel")
	}
	var out []*channel
	for _, id := range ids {
		ch, err := s.shareTarget(id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, ch) {
			out = append(out, ch)
		}
	}
	return out, nil
}

// shareTarget is stricter than chat.postMessage: chat:write.public opens no
// channel to files.
func (s *Sim) shareTarget(id string) (*channel, error) {
	if s.people[id] != nil {
		p, err := s.messageable(id)
		if err != nil {
			return nil, refuse("channel_not_found")
		}
		id = p.dm
	}
	ch := s.channels[id]
	switch {
	case ch == nil, ch.IsPrivate && !s.botIn(ch):
		return nil, refuse("channel_not_found")
	case ch.isDM() && !s.manifest.Features.AppHome.MessagesTab: // unverified for files
		return nil, refuse("messages_tab_disabled")
	case !s.botIn(ch):
		return nil, refuse("not_in_channel")
	}
	return ch, nil
}

// shareWords is what the message with the files says: a comment or, where there
// is none, blocks.
func (s *Sim) shareWords(c *call) (string, []any, error) {
	if said := c.text("initial_comment"); said != "" {
		return said, nil, nil
	}
	raw, err := c.object("blocks")
	if err != nil || raw == nil {
		return "", nil, err
	}
	blocks, ok := raw.([]any)
	if !ok {
		return "", nil, refuse("invalid_blocks")
	}
	// The method takes no text beside blocks: none may be missed.
	if found := s.judgeMessage(&message{text: "a file", blocks: blocks}); len(found) > 0 {
		s.blame(c.name, found)
		return "", nil, refuse("invalid_blocks", pointers("", found)...)
	}
	return "", blocks, nil
}

package slacksim

import (
	"bytes"
	"encoding/csv"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Files in a channel as this person sees them, oldest first, thread replies
// included.
func (u *User) Files(channel string) []File {
	var out []File
	for _, m := range u.Messages(channel) {
		out = append(out, m.Files...)
	}
	return out
}

// fileType is what Slack makes of a name's ending: filetype, mimetype, pretty_type.
type fileType struct{ name, mime, pretty string }

// typeOf knows what apps like to export. Slack knows many more.
func typeOf(name string) fileType {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return fileType{"csv", "text/csv", "CSV"}
	case ".json":
		return fileType{"json", "application/json", "JSON"}
	case ".txt", ".log":
		return fileType{"text", "text/plain", "Plain Text"}
	}
	return fileType{"binary", "application/octet-stream", "Binary"}
}

// fileDoc is the file object of API answers and payloads. Its url_private wants a
// token with files:read at Slack; here it opens in the browser client only.
func (s *Sim) fileDoc(f File) doc {
	kind, link := typeOf(f.Name), s.base+"/client/files/"+f.ID
	return doc{
		"id": f.ID, "name": f.Name, "title": f.Title, "size": len(f.Content), "alt_txt": f.AltText,
		"created": f.Created, "timestamp": f.Created, "user": s.world.BotUser, "user_team": s.world.TeamID,
		"filetype": kind.name, "mimetype": kind.mime, "pretty_type": kind.pretty,
		"mode": "hosted", "editable": false, "is_external": false, "file_access": "visible",
		"url_private": link, "url_private_download": link, "permalink": link,
	}
}

// fileOnScreen is a file as a person's browser shows it.
func fileOnScreen(p *person, f File) any {
	return doc{
		"id": f.ID, "name": f.Name, "title": f.Title, "size": len(f.Content), "alt_txt": f.AltText,
		"url": "/client/files/" + f.ID + "?as=" + p.ID, "preview": preview(f),
	}
}

// A preview is a look at the top left corner of a table.
const (
	previewBytes   = 4_096
	previewRows    = 5
	previewColumns = 8
	previewRunes   = 60
)

// preview is the first rows of a CSV file; it is empty for other files and for
// what does not read as CSV.
func preview(f File) [][]string {
	out := [][]string{}
	if typeOf(f.Name).name != "csv" {
		return out
	}
	top := bytes.TrimPrefix(f.Content, []byte("\ufeff"))
	if len(top) > previewBytes {
		top = top[:previewBytes]
		top = top[:bytes.LastIndexByte(top, '\n')+1]
	}
	rows := csv.NewReader(bytes.NewReader(top))
	rows.FieldsPerRecord = -1
	for len(out) < previewRows {
		row, err := rows.Read()
		if err != nil {
			return out
		}
		out = append(out, each(row[:min(len(row), previewColumns)], shortened))
	}
	return out
}

func shortened(cell string) string {
	if runes := []rune(cell); len(runes) > previewRunes {
		return string(runes[:previewRunes-1]) + "…"
	}
	return cell
}

// onScreen finds a file in a message that a person sees.
func (s *Sim) onScreen(p *person, id string) (File, bool) {
	for _, ch := range s.channels {
		if !slices.Contains(ch.Members, p.ID) {
			continue
		}
		for _, m := range ch.messages {
			i := slices.IndexFunc(m.files, func(f File) bool { return f.ID == id })
			if i >= 0 && sees(p, m) {
				return m.files[i], true
			}
		}
	}
	return File{}, false
}

// serveFile hands a file to a person who sees it; for everybody else it does not
// exist. It is always a download, never a page.
func (s *Sim) serveFile(w http.ResponseWriter, r *http.Request, user string) {
	s.mu.Lock()
	f, ok := s.onScreen(s.people[user], r.PathValue("id"))
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	if _, err := w.Write(f.Content); err != nil {
		s.log.Debug().Err(err).Msg("writing to the browser")
	}
}

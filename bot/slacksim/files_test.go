package slacksim_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

// export is a small CSV file on its way to a channel.
func export(channel, content string) slack.UploadFileParameters {
	return slack.UploadFileParameters{
		Channel: channel, Filename: "keys.csv", Title: "Keys", FileSize: len(content), Content: content, InitialComment: "Your export",
	}
}

func TestFilesArriveInTheChannel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.sim.User("U0ALICE")
	const content = "id,owner\nTK-1,alice\n"
	if _, err := b.api.UploadFileContext(b.ctx, export(alice.DM(), content)); err != nil {
		t.Fatal(err)
	}
	files := alice.Files(alice.DM())
	if len(files) != 1 || string(files[0].Content) != content || files[0].Title != "Keys" || files[0].Created != b.clock.Now().Unix() {
		t.Fatalf("got %+v", files)
	}
	m, _ := alice.Last(alice.DM())
	if diff := cmp.Diff("Your export\n[file: Keys, keys.csv, 20 bytes]", m.Show()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	history, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: alice.DM()})
	if err != nil {
		t.Fatal(err)
	}
	got := history.Messages[0].Files[0]
	if got.Name != "keys.csv" || got.Size != len(content) || got.Filetype != "csv" || got.Mimetype != "text/csv" || got.User != "U0LATCHBOT" || got.URLPrivate == "" {
		t.Errorf("got %+v", got)
	}
	b.noProblems()
}

func TestFilesAreForThoseWhoSeeThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.api.UploadFileContext(b.ctx, export("C0APPROVALS", "id\nTK-1\n")); err != nil {
		t.Fatal(err)
	}
	file := b.sim.User("U0BOB").Files("C0APPROVALS")[0]
	if got := b.sim.User("U0ALICE").Files("C0APPROVALS"); len(got) != 0 {
		t.Errorf("Alice is not in the channel and reads %+v", got)
	}
	for as, want := range map[string]int{"U0BOB": http.StatusOK, "U0ALICE": http.StatusNotFound, "U0OLGA": http.StatusNotFound, "U0NOBODY": http.StatusBadRequest} {
		status, raw := b.browse(http.MethodGet, "/client/files/"+file.ID+"?as="+as, nil, nil)
		if status != want || strings.Contains(string(raw), "TK-1") != (want == http.StatusOK) {
			t.Errorf("%s downloads %d %q", as, status, raw)
		}
	}
	if status, _ := b.browse(http.MethodGet, "/client/files/F0NONE?as=U0BOB", nil, nil); status != http.StatusNotFound {
		t.Errorf("no such file: got %d", status)
	}
}

// TestFilePreviewIsTheStartOfATable reads what the browser is given to draw.
func TestFilePreviewIsTheStartOfATable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 61)
	for _, tt := range []struct {
		name, file, content string
		want                [][]string
	}{
		{"a table", "a.csv", "\ufeffid,why\n1,\"a, \"\"b\"\"\nc\"\n", [][]string{{"id", "why"}, {"1", "a, \"b\"\nc"}}},
		{"uneven rows", "A.CSV", "a,b,c\nd\n", [][]string{{"a", "b", "c"}, {"d"}}},
		{"many rows", "a.csv", strings.Repeat("x\n", 9), [][]string{{"x"}, {"x"}, {"x"}, {"x"}, {"x"}}},
		{"many columns", "a.csv", "1,2,3,4,5,6,7,8,9\n", [][]string{{"1", "2", "3", "4", "5", "6", "7", "8"}}},
		{"a long cell", "a.csv", long + "\n", [][]string{{long[:2*59] + "…"}}},
		{"cut in a row", "a.csv", "id\n" + strings.Repeat("y", 5_000), [][]string{{"id"}}},
		{"one endless line", "a.csv", strings.Repeat("y", 5_000), [][]string{}},
		{"broken", "a.csv", "id\n\"a\"b\n", [][]string{{"id"}}},
		{"not a table", "a.txt", "id,why\n", [][]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := export("D0ALICE", tt.content)
			p.Filename = tt.file
			if _, err := b.api.UploadFileContext(b.ctx, p); err != nil {
				t.Fatal(err)
			}
			_, raw := b.browse(http.MethodGet, "/client/state?as=U0ALICE", nil, nil)
			var state struct {
				Messages map[string][]struct {
					Files []struct {
						Name, URL string
						Preview   [][]string
					}
				}
			}
			if err := json.Unmarshal(raw, &state); err != nil {
				t.Fatal(err)
			}
			file := state.Messages["D0ALICE"][0].Files[0]
			if diff := cmp.Diff(tt.want, file.Preview); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if status, content := b.browse(http.MethodGet, file.URL, nil, nil); status != http.StatusOK || string(content) != tt.content {
				t.Errorf("the link gives %d %q", status, content)
			}
		})
	}
}

func TestUploadIsAnnouncedAsSlackWantsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tt := range []struct{ name, body, want string }{
		{"as slack-go does", "filename=a.csv&length=3", ""},
		{"without a name", "length=3", "invalid_arguments"},
		{"without a length", "filename=a.csv", "invalid_arguments"},
		{"with no number", "filename=a.csv&length=x", "invalid_arguments"},
		{"empty", "filename=a.csv&length=0", "missing_argument"},
		{"too large", "filename=a.csv&length=4194305", "file_upload_size_restricted"},
		{"too large a snippet", "filename=a.csv&length=1048577&snippet_type=csv", "snippet_too_large"},
		{"a long description", "filename=a.png&length=3&alt_txt=" + strings.Repeat("x", 1_001), "alt_txt_too_large"},
	} {
		_, got := b.call("files.getUploadURLExternal", "application/x-www-form-urlencoded", b.sim.BotToken(), tt.body)
		if code, _ := got["error"].(string); code != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	narrow := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	_, err := narrow.api.UploadFileContext(narrow.ctx, export("C0GENERAL", "x"))
	if err == nil || !strings.Contains(err.Error(), "missing_scope") {
		t.Errorf("without files:write: %v", err)
	}
}

// announce asks for an upload URL.
func (b *testBundle) announce(length int) *slack.GetUploadURLExternalResponse {
	b.t.Helper()
	u, err := b.api.GetUploadURLExternalContext(b.ctx, slack.GetUploadURLExternalParameters{FileName: "a.txt", FileSize: length})
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// send posts bytes to an upload URL.
func (b *testBundle) send(url, contentType, body string) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (b *testBundle) complete(p slack.CompleteUploadExternalParameters) error {
	_, err := b.api.CompleteUploadExternalContext(b.ctx, p)
	return err
}

func TestUploadURLWorksOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.announce(3)
	file := slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: u.FileID}}, Channel: "C0GENERAL"}
	wantSlackError(t, b.complete(file), "file_not_found") // nothing was sent yet
	const raw = "application/octet-stream"
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if part, err := parts.CreateFormFile("file", "a.txt"); err != nil {
		t.Fatal(err)
	} else if _, err := part.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url, kind, body string
		want                  int
	}{
		{"another key", u.UploadURL + "X", raw, "abc", http.StatusNotFound},
		{"too short", u.UploadURL, raw, "ab", http.StatusBadRequest},
		{"a form without a file", u.UploadURL, parts.FormDataContentType(), "--" + parts.Boundary() + "--\r\n", http.StatusBadRequest},
		{"a form", u.UploadURL, parts.FormDataContentType(), form.String(), http.StatusOK},
		{"again", u.UploadURL, raw, "abc", http.StatusNotFound},
	} {
		if got := b.send(tt.url, tt.kind, tt.body); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	if err := b.complete(file); err != nil {
		t.Fatal(err)
	}
	wantSlackError(t, b.complete(file), "file_not_found") // it is complete
	if got := b.sim.User("U0ALICE").Files("C0GENERAL"); len(got) != 1 || string(got[0].Content) != "abc" || got[0].Title != "a.txt" {
		t.Errorf("got %+v", got)
	}
	if got := b.sim.Problems(); len(got) != 1 || !strings.Contains(got[0], "2 bytes") {
		t.Errorf("want the wrong size as the one problem, got %q", got)
	}
}

func TestCompletionSharesWhereSlackWould(t *testing.T) {
	t.Parallel()
	world := slacksim.DefaultWorld()
	world.Channels = append(world.Channels,
		slacksim.WorldChannel{ID: "C0OPEN", Name: "open", Members: []string{"U0ALICE"}},
		slacksim.WorldChannel{ID: "C0CLOSED", Name: "closed", IsPrivate: true, Members: []string{"U0ALICE"}})
	b := setupWith(t, slacksim.Config{World: world})
	_, root, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("root", false))
	if err != nil {
		t.Fatal(err)
	}
	u := b.announce(3)
	if got := b.send(u.UploadURL, "text/plain", "abc"); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	file := []slack.FileSummary{{ID: u.FileID}}
	wide := make([]string, 101)
	for i := range wide {
		wide[i] = "C" + strconv.Itoa(i)
	}
	for _, tt := range []struct {
		name string
		p    slack.CompleteUploadExternalParameters
		want string
	}{
		{"no file", slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{}, Channel: "C0GENERAL"}, "invalid_arguments"},
		{"an unknown file", slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: "F0NONE"}}}, "file_not_found"},
		{"a file twice", slack.CompleteUploadExternalParameters{Files: append(file, file...)}, "file_not_found"},
		{"a person in channel_id", slack.CompleteUploadExternalParameters{Files: file, Channel: "U0ALICE"}, "invalid_arguments"},
		{"an unknown channel", slack.CompleteUploadExternalParameters{Files: file, Channel: "C0NONE"}, "channel_not_found"},
		{"a private channel", slack.CompleteUploadExternalParameters{Files: file, Channel: "C0CLOSED"}, "channel_not_found"},
		{"a channel without the bot", slack.CompleteUploadExternalParameters{Files: file, Channel: "C0OPEN"}, "not_in_channel"},
		{"one bad channel of two", slack.CompleteUploadExternalParameters{Files: file, Channels: []string{"C0GENERAL", "C0OPEN"}}, "not_in_channel"},
		{"one who left", slack.CompleteUploadExternalParameters{Files: file, Channels: []string{"U0DORA"}}, "channel_not_found"},
		{"too many channels", slack.CompleteUploadExternalParameters{Files: file, Channels: wide}, "channels_limit_exceeded"},
		{"a thread in two channels", slack.CompleteUploadExternalParameters{Files: file, Channels: []string{"C0GENERAL", "C0SHARED"}, ThreadTimestamp: root}, "invalid_arguments"},
		{"bad blocks", slack.CompleteUploadExternalParameters{Files: file, Channel: "C0GENERAL", Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewHeaderBlock(slack.NewTextBlockObject(slack.MarkdownType, "x", false, false)),
		}}}, "invalid_blocks"},
	} {
		if got := slackError(b.complete(tt.p)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	alice := b.sim.User("U0ALICE")
	if got := alice.Files("C0GENERAL"); len(got) != 0 {
		t.Fatalf("a refused call shared %+v", got)
	}
	if err := b.complete(slack.CompleteUploadExternalParameters{
		Files: file, Channel: "C0GENERAL", ThreadTimestamp: root, Blocks: slack.Blocks{BlockSet: []slack.Block{section("Look")}},
	}); err != nil {
		t.Fatal(err)
	}
	if m, _ := alice.Last("C0GENERAL"); m.ThreadTS != root || !strings.Contains(string(m.Blocks), "Look") || len(m.Files) != 1 {
		t.Errorf("got %+v", m)
	}
}

func TestOneUploadReachesSeveralPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := export("", "x")
	p.Channels = []string{"U0ALICE", "U0BOB"}
	if _, err := b.api.UploadFileContext(b.ctx, p); err != nil {
		t.Fatal(err)
	}
	for user, dm := range map[string]string{"U0ALICE": "D0ALICE", "U0BOB": "D0BOB"} {
		if got := b.sim.User(user).Files(dm); len(got) != 1 {
			t.Errorf("%s has %+v", user, got)
		}
	}
	b.noProblems()
}

func TestStorageIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 4 {
		b.announce(4 << 20)
	}
	_, err := b.api.GetUploadURLExternalContext(b.ctx, slack.GetUploadURLExternalParameters{FileName: "a.txt", FileSize: 1})
	wantSlackError(t, err, "storage_limit_reached")
	b.clock.advance(2 * time.Hour)
	u := b.announce(1) // those that nobody completed are gone
	b.clock.advance(2 * time.Hour)
	if got := b.send(u.UploadURL, "text/plain", "x"); got != http.StatusNotFound {
		t.Errorf("an old URL answers %d", got)
	}
}

func TestUploadsFailOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Knobs().Fail("upload", "broken", 1)
	if _, err := b.api.UploadFileContext(b.ctx, export("D0ALICE", "x")); err == nil || !strings.Contains(err.Error(), "UploadToURL") {
		t.Errorf("got %v", err)
	}
	if got := b.sim.User("U0ALICE").Messages("D0ALICE"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

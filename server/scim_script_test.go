package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
	"latchkey/workflow"
)

// A script is a text file of cases. A case begins with "# " and its name, and
// has steps: a call with its headers and body, then "-> " and the status, then
// what is answered. "-> 201 ..." leaves the answer out. The n-th id that a case
// sees is {n}; @user, @group, @enterprise and @patch stand for schemas, and @long
// for a text that is too long. Besides calls there are the steps
//
//	SLACK address        somebody has an account in Slack
//	LEAVE address source somebody else says that a person left
//	STATE                who is fenced, who is in which group, what the audit log says since the last STATE
//
// With -update the answers are written anew; the statuses are not.
type scriptStep struct {
	call    []string // the line, headers, the body
	want    string   // "201", or empty for a step that is no call
	quiet   bool
	answers []string
}

type scriptCase struct {
	name  string
	steps []scriptStep
}

var isScriptCall = regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|SLACK|LEAVE|STATE)( |$)`)

func readScript(t *testing.T, path string) (head []string, cases []scriptCase) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	answering := false
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "# ") {
			cases = append(cases, scriptCase{name: line[2:]})
			continue
		}
		if len(cases) == 0 {
			head = append(head, line)
			continue
		}
		c := &cases[len(cases)-1]
		switch {
		case strings.TrimSpace(line) == "":
		case isScriptCall.MatchString(line):
			c.steps = append(c.steps, scriptStep{call: []string{line}})
			answering = false
		case strings.HasPrefix(line, "-> "):
			s := &c.steps[len(c.steps)-1]
			s.want, s.quiet = strings.TrimSuffix(line[3:], " ..."), strings.HasSuffix(line, " ...")
			answering = true
		default:
			s := &c.steps[len(c.steps)-1]
			if answering || s.call[0] == "STATE" {
				s.answers = append(s.answers, line)
			} else {
				s.call = append(s.call, line)
			}
		}
	}
	return head, cases
}

func writeScript(t *testing.T, path string, head []string, cases []scriptCase) {
	t.Helper()
	var out strings.Builder
	for _, line := range head {
		out.WriteString(line + "\n")
	}
	for i, c := range cases {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString("# " + c.name + "\n")
		for _, s := range c.steps {
			out.WriteString(strings.Join(s.call, "\n") + "\n")
			if s.want != "" {
				out.WriteString("-> " + s.want)
				if s.quiet {
					out.WriteString(" ...")
				}
				out.WriteString("\n")
			}
			for _, line := range s.answers {
				out.WriteString(line + "\n")
			}
		}
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSCIMScripts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/scim/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			head, cases := readScript(t, path)
			d := openDirectory(t)
			for i, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					d.empty(t)
					p := &player{directory: d, t: t, names: map[string]string{}, since: d.lastEvent(t)}
					for j, s := range c.steps {
						p.play(s, &cases[i].steps[j])
					}
				})
			}
			if *update {
				writeScript(t, path, head, cases)
			}
		})
	}
}

// empty forgets everybody but the admin.
func (d *directory) empty(t testing.TB) {
	t.Helper()
	for _, table := range []string{"scim_group", "scim_user", "group_source", "offboarding_item", "offboarding_system", "offboarding", "river_job"} {
		d.exec(t, `DELETE FROM `+table)
	}
	d.exec(t, `UPDATE person SET manager_id = NULL WHERE manager_id IS NOT NULL`)
	d.exec(t, `DELETE FROM account WHERE person_id IS DISTINCT FROM $1`, d.admin.Account.PersonID)
	d.exec(t, `DELETE FROM person WHERE id <> $1`, d.admin.Account.PersonID)
}

func (d *directory) lastEvent(t testing.TB) int {
	t.Helper()
	return d.count(t, `SELECT coalesce(max(id), 0) FROM audit_event`)
}

type player struct {
	*directory
	t     *testing.T
	names map[string]string // by id
	ids   []string
	since int
}

func (p *player) play(s scriptStep, out *scriptStep) {
	p.t.Helper()
	words := strings.SplitN(s.call[0], " ", 3)
	var got []string
	switch words[0] {
	case "SLACK":
		p.hire(p.t, words[1])
	case "LEAVE":
		id := storage.PersonID(p.count(p.t, `SELECT id FROM person WHERE email = $1`, words[1]))
		if _, err := p.service.Offboard(context.Background(), workflow.Leave{Person: id, Source: words[2], SourceKey: words[1], By: storage.System("test"), Reason: "test"}); err != nil {
			p.t.Fatal(err)
		}
	case "STATE":
		got = p.state()
	default:
		got = p.call(s)
	}
	if *update {
		out.answers = got
		return
	}
	if diff := cmp.Diff(s.answers, got); diff != "" && !s.quiet {
		p.t.Errorf("%s (-want +got):\n%s", s.call[0], diff)
	}
}

// call makes a call and returns the lines of its answer.
func (p *player) call(s scriptStep) []string {
	p.t.Helper()
	method, path, _ := strings.Cut(p.meant(s.call[0]), " ")
	if at, query, ok := strings.Cut(path, "?"); ok {
		parts := strings.Split(query, "&")
		for i, part := range parts {
			name, value, _ := strings.Cut(part, "=")
			parts[i] = name + "=" + url.QueryEscape(value)
		}
		path = at + "?" + strings.Join(parts, "&")
	}
	var headers []string
	body := ""
	for _, line := range s.call[1:] {
		name, value, isHeader := strings.Cut(line, ": ")
		if isHeader && body == "" && !strings.ContainsAny(name, "{\" ") {
			headers = append(headers, name, p.meant(value))
			continue
		}
		body += p.meant(line)
	}
	r := p.send(p.t, method, path, body, headers...)
	if strconv.Itoa(r.status) != s.want {
		p.t.Errorf("%s = %d, want %s:\n%s", s.call[0], r.status, s.want, r.body)
	}
	var out []string
	for _, name := range []string{"Allow", "ETag", "Location", "WWW-Authenticate"} {
		if v := r.header.Get(name); v != "" {
			out = append(out, name+": "+v)
		}
	}
	if kind := r.header.Get("Content-Type"); r.body != "" && kind != scimType {
		p.t.Errorf("%s: Content-Type is %q", s.call[0], kind)
	}
	text := strings.Join(out, "\n") + "\n"
	if r.body != "" {
		text += p.pretty(r.body)
	}
	text = p.named(text)
	if s.quiet {
		return nil
	}
	out = nil
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			out = append(out, line)
		}
	}
	return out
}

var (
	anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	anyRef  = regexp.MustCompile(`\{(\d+)\}`)
)

// meant puts ids and schemas in their places.
func (p *player) meant(s string) string {
	s = strings.NewReplacer("@user", workflow.SCIMUserSchema, "@group", workflow.SCIMGroupSchema, "@enterprise", workflow.SCIMEnterpriseSchema,
		"@patch", workflow.SCIMPatchSchema, "@long", strings.Repeat("å", 257)).Replace(s)
	return anyRef.ReplaceAllStringFunc(s, func(ref string) string {
		n, err := strconv.Atoi(ref[1 : len(ref)-1])
		if err != nil || n < 1 || n > len(p.ids) {
			return ref
		}
		return p.ids[n-1]
	})
}

// named writes ids and times so that they are the same in each run.
func (p *player) named(s string) string {
	s = anyUUID.ReplaceAllStringFunc(s, func(id string) string {
		if p.names[id] == "" {
			p.ids = append(p.ids, id)
			p.names[id] = fmt.Sprintf("{%d}", len(p.ids))
		}
		return p.names[id]
	})
	return anyTime.ReplaceAllString(s, `"{time}"`)
}

func (p *player) pretty(body string) string {
	p.t.Helper()
	if strings.Contains(body, "null") && !strings.Contains(body, `"null"`) {
		p.t.Errorf("a null is in an answer: %s", body)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(body), "", " "); err != nil {
		p.t.Errorf("not JSON: %s", body)
	}
	return out.String()
}

// state is what the calls so far came to, for everybody but the admin.
func (p *player) state() []string {
	p.t.Helper()
	rows, err := p.db.Pool().Query(context.Background(), `
		SELECT line FROM (
			SELECT 1 AS part, id, concat_ws(' ', coalesce(email, name), CASE WHEN active THEN 'active' ELSE 'fenced by ' || left_by END,
			       (SELECT 'manager ' || coalesce(m.email, m.name) FROM person m WHERE m.id = p.manager_id), 'externalId ' || external_id,
			       (SELECT 'cases ' || string_agg(state, ',' ORDER BY o.id) FROM offboarding o WHERE o.person_id = p.id)) AS line
			FROM person p WHERE id <> $1
			UNION ALL
			SELECT 2, row_number() OVER (ORDER BY source), source || ': ' || coalesce((SELECT string_agg(coalesce(p.email, p.name), ', ' ORDER BY p.id)
			       FROM group_member m JOIN person p ON p.id = m.person_id WHERE m.source = s.source), 'nobody') FROM group_source s
			UNION ALL
			SELECT 3, id, concat_ws(' ', action, '(' || reason || ')') FROM audit_event e
			WHERE id > $2 AND subject IN ('person', 'group', 'offboarding') AND action <> 'offboarding.open'
			UNION ALL
			SELECT 4, 0, 'role changes: ' || count(*) FROM river_job WHERE kind = 'role_change' HAVING count(*) > 0
		) x ORDER BY part, id`, p.admin.Account.PersonID, p.since)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			p.t.Fatal(err)
		}
		out = append(out, line)
	}
	p.since = p.lastEvent(p.t)
	return out
}

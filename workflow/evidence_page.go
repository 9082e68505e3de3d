package workflow

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

//go:embed evidence.html
var evidenceHTML string

//go:embed evidence.css
var evidenceCSS string

// evidenceView is a pack as its page shows it.
type evidenceView struct {
	Evidence

	Verdict string
	Clean   bool // of everything that must not be there is none
}

// writeEvidencePage writes the page of a pack: one file that needs no other,
// without scripts.
func writeEvidencePage(out io.Writer, e Evidence) error {
	page, err := template.New("evidence").Funcs(template.FuncMap{
		"title": evidenceTitle, "about": evidenceAbout, "when": evidenceWhen, "day": evidenceDay, "seconds": evidenceSeconds, "bars": evidenceBars,
		"height": func(t EvidenceTimes) int { return len(t.Buckets) * barHeight },
		"join":   func(list []string) string { return strings.Join(list, ", ") }, "words": evidenceWords, "lifetime": evidenceLifetime,
		"of": func(e Evidence, population string) []EvidenceItem {
			return slices.DeleteFunc(slices.Clone(e.Samples), func(i EvidenceItem) bool { return i.Population != population })
		},
		"sampled": sampledPopulations, "last": func(e Evidence) time.Time { return e.To.Add(-time.Nanosecond) },
	}).Parse(evidenceHTML)
	if err != nil {
		return fmt.Errorf("read the page of evidence: %w", err)
	}
	if _, err := page.New("style").Parse(evidenceCSS); err != nil {
		return fmt.Errorf("read the style of evidence: %w", err)
	}
	v := evidenceView{Evidence: e, Clean: true}
	var bad []string
	for _, x := range e.Exceptions {
		if x.Clean && x.Count > 0 {
			bad, v.Clean = append(bad, strings.ToLower(evidenceTitle(x.Name))), false
		}
	}
	v.Verdict = "The audit log of the period verifies, and of what must never happen nothing was found."
	if !v.Clean {
		v.Verdict = "The audit log of the period verifies. Something was found that must never happen: " + strings.Join(bad, ", ") + "."
	}
	return page.Execute(out, v)
}

// evidenceNames are the headings of the lists, and what each has.
var evidenceNames = map[string][2]string{
	"grants":                {"Grants", "credentials that were issued on a request and began to work in the period"},
	"rotations":             {"Rotations", "fresh credentials that took the place of older ones"},
	"terminations":          {"Terminations", "credentials that were revoked or expired"},
	"offboardings":          {"Offboardings", "cases of people who left"},
	"denied":                {"Denied requests", "requests that a reviewer denied"},
	"lapsed":                {"Lapsed requests", "requests that nobody decided in time"},
	"campaigns":             {"Access reviews", "campaigns in which people said what they still need"},
	"self-approvals":        {"Self-approvals", "approvals by the person who asked"},
	"too-few-approvals":     {"Too few approvals", "credentials that were issued with fewer distinct approvals than a step of their request asks for"},
	"orphans":               {"Orphaned keys", "live credentials of people who left, which no case accounts for"},
	"open-offboardings":     {"Open offboardings", "cases that still wait for a receipt, or for somebody's word"},
	"refused-revocations":   {"Refused revocations", "credentials that should be dead and whose system refuses to end them"},
	"ended-without-receipt": {"Ended without a receipt", "credentials that were revoked while their system could not confirm it"},
	"waived-keys":           {"Waived credentials", "credentials of leavers that somebody answers for instead of a receipt"},
	"waived-systems":        {"Waived systems", "systems of leavers that somebody answers for instead of a listing"},
	"breaker-decisions":     {"Breaker decisions", "acts on so many credentials at once that an admin had to let them go on"},
	"leaks":                 {"Leaks", "credentials whose secret was found where it must not be"},
	"restores":              {"Restores", "times that the database was older than what had been published of it"},
	"exemptions":            {"Exemptions", "live credentials that rules about age and use leave alone, and until when"},
	"unmanaged":             {"Unmanaged credentials", "live credentials that nobody asked for here"},
	"over-age":              {"Over age", "live credentials that are older than they may get"},
}

func evidenceTitle(name string) string { return evidenceNames[name][0] }

func evidenceAbout(name string) string { return evidenceNames[name][1] }

// evidenceWords makes a state or a kind readable.
func evidenceWords(s string) string {
	switch s {
	case "api_key":
		return "API key"
	case "oauth_grant":
		return "OAuth grant"
	}
	return strings.ReplaceAll(s, "_", " ")
}

func evidenceLifetime(s int64) string { return Duration(time.Duration(s) * time.Second).Words() }

// evidenceStamp is a moment for people and for programs.
type evidenceStamp struct{ ISO, Words string }

func evidenceWhen(at any) evidenceStamp {
	t, ok := at.(time.Time)
	if p, is := at.(*time.Time); is && p != nil {
		t, ok = *p, true
	}
	if !ok {
		return evidenceStamp{Words: "–"}
	}
	return evidenceStamp{t.UTC().Format(time.RFC3339Nano), t.UTC().Format("2 Jan 2006 15:04:05") + " UTC"}
}

func evidenceDay(at time.Time) evidenceStamp {
	return evidenceStamp{at.UTC().Format(time.RFC3339Nano), at.UTC().Format("2 January 2006")}
}

// evidenceSeconds says how long something took as exactly as people want it.
func evidenceSeconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", s)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// evidenceBar is one bar of a histogram, in the picture's own units.
type evidenceBar struct {
	Y, Text, Width, Beside int
	Label                  string
	Count                  int64
}

// The measures of the picture.
const (
	barHeight = 22
	barLeft   = 110
	barRoom   = 420
)

func evidenceBars(t EvidenceTimes) []evidenceBar {
	var most int64 = 1
	for _, b := range t.Buckets {
		most = max(most, b.Count)
	}
	out := make([]evidenceBar, len(t.Buckets))
	before := ""
	for i, b := range t.Buckets {
		label := before + " and more"
		if b.Below != nil {
			before = boundWords(*b.Below)
			label = "below " + before
		}
		width := int(math.Ceil(float64(b.Count) * barRoom / float64(most)))
		out[i] = evidenceBar{Y: i * barHeight, Text: i*barHeight + 15, Width: width, Beside: barLeft + width + 6, Label: label, Count: b.Count}
	}
	return out
}

func boundWords(s float64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%g s", s)
	case s < 3600:
		return fmt.Sprintf("%g min", s/60)
	}
	return fmt.Sprintf("%g h", s/3600)
}

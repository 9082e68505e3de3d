package auditlog

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// A CSV file has the events as they are, once the apostrophe is dropped that
// keeps a spreadsheet from running a cell.
func TestCSVReadsBack(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 12, 4)
	m.entries[1].Texts.Actor = "'quoted'"
	m.entries[2].Texts.Reason = " \t=cmd|' /C calc'!A0"
	file := m.file(t, FormatCSV, m.header(t, 0, 12, 12, 0))
	golden(t, "export.csv", file)
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 13 || strings.Join(rows[0], " ") != strings.Join(columns, " ") {
		t.Fatalf("%d rows, the first %v", len(rows), rows[0])
	}
	for i, row := range rows[1:] {
		e := m.entries[i]
		for j, want := range []string{10: e.Texts.Actor, 11: e.Texts.Before, 12: e.Texts.After, 13: e.Texts.Reason} {
			if got := strings.TrimPrefix(row[j], "'"); j >= 10 && got != want {
				t.Errorf("row %d, %s: %q, want %q", i, columns[j], got, want)
			}
		}
		if (row[14] == "yes") != (e.Erased != nil) || len(row[15]) != 2*tlog.HashSize {
			t.Errorf("row %d: erased %q, leaf %q", i, row[14], row[15])
		}
	}
}

func TestCellsThatRun(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"=1": true, "+1": true, "-1": true, "@SUM(1)": true, "\t=1": true, "\r": true, "\n": true, "＝1": true, "＋1": true, "－1": true, "＠a": true,
		"  =1": true, "\u00a0=1": true, "\u200b=1": true, "\ufeff＝1": true, "﹢1": true, "−1": true, "'a": true, "\x00=1": true,
		"": false, "a=1": false, "1-2": false, "Erin": false, " plain": false, "\u2003": false, `"=1`: false,
	} {
		if runs(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func FuzzCSVReadsBack(f *testing.F) {
	f.Add("=1\"\r\n,", "ref")
	f.Fuzz(func(t *testing.T, text, ref string) {
		if !utf8.ValidString(text) || !utf8.ValidString(ref) {
			return // the database has none
		}
		e := madeEntry(1)
		e.Texts.Reason, e.Ref = text, ref
		rows, err := csv.NewReader(bytes.NewReader(appendRow(nil, &e, tlog.Hash{}))).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != len(columns) {
			t.Fatalf("%q: %q, %v", text, rows, err)
		}
		for column, want := range map[int]string{13: text, 9: ref} {
			got := rows[0][column]
			if want != "" && runs(want) && got[0] != '\'' {
				t.Errorf("%q stands there as it is", want)
			}
			// The reader makes CR LF within a cell LF.
			if got, want := strings.TrimPrefix(got, "'"), strings.ReplaceAll(want, "\r\n", "\n"); got != want && "'"+got != want {
				t.Errorf("%q reads back as %q", want, got)
			}
		}
	})
}

package web_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testMrkdwn reads texts and compares what the parser understood.
func testMrkdwn(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE")
	raw, err := os.ReadFile("testdata/mrkdwn.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct{ Give, Want string }
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		got := evaluate[string](p, `import('/web/mrkdwn.js').then(({ parse }) => {
			const show = (node) => node.kind === 'text' ? node.text : node.kind + '(' + (node.content ? node.content.map(show).join('')
				: Object.entries(node).filter(([k, v]) => k !== 'kind' && v !== '').map(([, v]) => v).join(' ')) + ')';
			return parse(`+quote(row.Give)+`).map((p) => p.kind + ': ' + p.content.map(show).join('')).join(' / ');
		})`)
		if diff := cmp.Diff(row.Want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.Give, diff)
		}
	}
}

// testMrkdwnAnyText feeds the parser thousands of made-up texts: it must never
// throw, never lose a letter or digit outside control sequences, and nest only
// a few levels.
func testMrkdwnAnyText(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE")
	fault := evaluate[string](p, `import('/web/mrkdwn.js').then(({ parse }) => {
		const bits = ['*', '_', '~', '`+"`', '```"+`', '<', '>', '|', '\n', ' ', 'a', 'b1', '&amp;', '&lt;', '&gt;', ':', ':key:', '!', '@', '#', 'é', '🔑'];
		let seed = 7;
		const next = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
		const letters = (text) => text.replace(/[^a-z0-9é]/g, '');
		const words = (node) => node.content ? node.content.map(words).join('') : node.kind === 'emoji' ? 'key' : node.text ?? '';
		const depth = (node) => 1 + Math.max(0, ...(node.content ?? []).map(depth));
		for (let i = 0; i < 5000; i += 1) {
			const text = Array.from({ length: next(60) }, () => bits[next(bits.length)]).join('');
			const tree = parse(text);
			const plain = text.replace(/&(amp|lt|gt);/g, '');
			if (letters(tree.map(words).join('')) !== letters(plain)) return 'lost letters in ' + JSON.stringify(text);
			if (Math.max(0, ...tree.map(depth)) > 6) return 'too deep: ' + JSON.stringify(text);
		}
		parse('*_~'.repeat(20000));
		parse('<'.repeat(50000));
		return '';
	})`)
	if fault != "" {
		t.Error(fault)
	}
}

// testDates formats one moment in every token, in a zone of its own.
func testDates(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE")
	for _, row := range []struct{ give, want string }{
		{"{date_num}", "2025-11-22"},
		{"{date}", "November 22nd, 2025"},
		{"{date_short}", "Nov 22, 2025"},
		{"{date_long}", "Saturday, November 22nd, 2025"},
		{"{date_pretty} at {time}", "tomorrow at 11:00 AM"},
		{"{time_secs} {ago}", "11:00:00 AM in 1 day"},
		{"{unknown} stays", "{unknown} stays"},
	} {
		got := evaluate[string](p, `import('/web/dates.js').then(({ formatDate }) =>
			formatDate(1763827200, `+quote(row.give)+`, { now: 1763740800, zone: 'America/New_York' }))`)
		if got != row.want {
			t.Errorf("%s gives %q, want %q", row.give, got, row.want)
		}
	}
}

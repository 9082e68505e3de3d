package workflow

import (
	"context"
	"slices"
	"time"

	"latchkey/storage"
)

// evidenceRows is how many of each exception a person is shown. Its file has
// all of them.
const evidenceRows = 50

// sampledPopulations are those that samples are drawn from.
func sampledPopulations() []string { return []string{"grants", "rotations", "terminations"} }

// mustBeNone are the exceptions of which one is one too many.
func mustBeNone() []string { return []string{"self-approvals", "too-few-approvals", "orphans"} }

// lists writes the populations and draws from them.
func (p *evidencePack) lists(ctx context.Context) error {
	p.Populations = []EvidencePopulation{}
	for _, l := range storage.EvidencePopulations() {
		draw := &sampler{seed: p.Seed, population: l.Name}
		if slices.Contains(sampledPopulations(), l.Name) {
			draw.size = p.SampleSize
		}
		out, err := p.list(ctx, "populations/", l, func(r *storage.EvidenceRow, name string) { draw.offer(r.ID, name) })
		if err != nil {
			return err
		}
		p.Populations = append(p.Populations, out)
		p.drawn = append(p.drawn, draw)
	}
	return nil
}

// exceptions writes what is outside the rules.
func (p *evidencePack) exceptions(ctx context.Context) error {
	p.Exceptions = []EvidencePopulation{}
	for _, l := range storage.EvidenceExceptions() {
		var rows []EvidenceRow
		out, err := p.list(ctx, "exceptions/", l, func(r *storage.EvidenceRow, name string) {
			if len(rows) < evidenceRows {
				rows = append(rows, EvidenceRow{ID: name, What: r.What, Who: r.Who, At: evidenceTime(r.At), Why: r.Why})
			}
		})
		if err != nil {
			return err
		}
		out.Query, out.Rows, out.Clean = l.Query, rows, slices.Contains(mustBeNone(), l.Name)
		p.Exceptions = append(p.Exceptions, out)
	}
	return nil
}

// list writes the file of a list as its rows pass by.
func (p *evidencePack) list(ctx context.Context, folder string, l storage.EvidenceList, each func(r *storage.EvidenceRow, name string)) (EvidencePopulation, error) {
	out := EvidencePopulation{Name: l.Name, File: folder + l.Name + ".txt"}
	err := p.file(out.File, func(w *evidenceFile) error {
		return p.DB.EvidenceRows(ctx, l, p.From, p.To, time.Duration(p.today.Enforcement.MaxAge), func(r *storage.EvidenceRow) error {
			name := storage.SubjectName(l.Subject, r.ID)
			out.Count++
			each(r, name)
			_, err := w.WriteString(name + "\n")
			return err
		})
	})
	out.SHA256 = p.sumOf(out.File)
	return out, err
}

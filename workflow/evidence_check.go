package workflow

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"latchkey/storage/auditlog"
)

// EvidenceCheck is what came of checking a pack.
type EvidenceCheck struct {
	Evidence Evidence
	// Problems say what is wrong, a sentence each. None means that the pack is
	// as it was signed and proves what it says.
	Problems []string
	// Believed says that the pack was verified with the key that it brings
	// along itself: whoever can make a pack from scratch can make a key as well.
	Believed bool
	Files    int
}

// CheckEvidence checks the pack in a folder: the hash of every file, the
// signature, that each population is the list it says and gives the samples it
// shows, the audit log and each event of the samples. It needs no database and
// no network. Known is what the auditor has of their own.
func CheckEvidence(folder fs.FS, known auditlog.Known) (EvidenceCheck, error) {
	c := &evidenceChecker{folder: folder, known: known}
	if err := c.open(); err != nil {
		return c.EvidenceCheck, err
	}
	c.sums()
	c.signature()
	c.lists()
	c.log()
	c.proofs()
	return c.EvidenceCheck, nil
}

type evidenceChecker struct {
	EvidenceCheck

	folder   fs.FS
	known    auditlog.Known
	public   string
	manifest evidenceManifestOf
}

func (c *evidenceChecker) say(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// maxEvidenceJSON bounds what is read at once.
const maxEvidenceJSON = 256 << 20

// open reads what says what the pack is.
func (c *evidenceChecker) open() error {
	if err := c.read(evidenceManifest, &c.manifest); err != nil {
		return err
	}
	if err := c.read(evidenceAll, &c.Evidence); err != nil {
		return err
	}
	if c.manifest.Format != manifestFormat || c.Evidence.Format != evidenceFormat {
		return fmt.Errorf("this pack has the form %q, and this version reads %q", c.Evidence.Format, evidenceFormat)
	}
	c.public = cmp.Or(c.known.Public, c.Evidence.Public)
	c.Believed = c.known.Public == "" && c.known.Checkpoint == ""
	if c.public != c.Evidence.Public {
		c.say("%s says that the key %s verifies it; that is not the key you gave", evidenceAll, c.Evidence.Public)
	}
	return nil
}

func (c *evidenceChecker) read(name string, into any) error {
	file, err := c.folder.Open(name)
	if err != nil {
		return fmt.Errorf("this is no evidence pack: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	dec := json.NewDecoder(io.LimitReader(file, maxEvidenceJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// hashed is the size and the SHA-256 of a file.
func (c *evidenceChecker) hashed(name string) (int64, string, error) {
	file, err := c.folder.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = file.Close() }() // was only read
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	return n, hex.EncodeToString(sum.Sum(nil)), err
}

// sums checks that the folder has the files of the manifest and no other, and
// that each is as it was.
func (c *evidenceChecker) sums() {
	listed := map[string]bool{evidenceManifest: true, evidenceNote: true, evidenceSums: true}
	all := slices.Clone(c.manifest.Files)
	for _, f := range c.manifest.Files {
		listed[f.Name] = true
		size, sum, err := c.hashed(f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.say("%s is missing", f.Name)
		case err != nil:
			c.say("%s can't be read: %v", f.Name, err)
		case size != f.Size || sum != f.SHA256:
			c.say("%s was changed: its SHA-256 is %s, the manifest says %s", f.Name, sum, f.SHA256)
		}
	}
	for _, name := range []string{evidenceManifest, evidenceNote} {
		size, sum, err := c.hashed(name)
		if err != nil {
			c.say("%s can't be read: %v", name, err)
		}
		all = append(all, evidenceFileSum{name, size, sum})
	}
	if text, err := fs.ReadFile(c.folder, evidenceSums); err != nil || string(text) != sumsOf(all) {
		c.say("%s is not the list of this pack's files", evidenceSums)
	}
	err := fs.WalkDir(c.folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		c.Files++
		if !listed[path] {
			c.say("%s does not belong to the pack: nobody signed it", path)
		}
		return nil
	})
	if err != nil {
		c.say("the folder can't be listed: %v", err)
	}
}

// signature checks who says so.
func (c *evidenceChecker) signature() {
	note, err := fs.ReadFile(c.folder, evidenceNote)
	if err != nil {
		return // sums said so
	}
	text, err := auditlog.OpenStatement(c.public, statementKind, string(note))
	if err != nil {
		c.say("%s: %v", evidenceNote, err)
		return
	}
	if _, sum, err := c.hashed(evidenceManifest); err != nil || text != "sha256 "+sum {
		c.say("%s is not the manifest that %s signs", evidenceManifest, evidenceNote)
	}
}

// lists checks the lists against their files, and draws the samples again.
func (c *evidenceChecker) lists() {
	drawn := map[string][]string{}
	for _, item := range c.Evidence.Samples {
		drawn[item.Population] = append(drawn[item.Population], item.ID)
	}
	for _, l := range slices.Concat(c.Evidence.Populations, c.Evidence.Exceptions) {
		draw := &sampler{seed: c.Evidence.Seed, population: l.Name}
		if slices.Contains(sampledPopulations(), l.Name) {
			draw.size = c.Evidence.SampleSize
		}
		count, sum, err := c.list(l.File, draw)
		if err != nil {
			c.say("%s can't be read: %v", l.File, err)
			continue
		}
		if count != l.Count || sum != l.SHA256 {
			c.say("%s has %d IDs and the SHA-256 %s; %s says %d and %s", l.File, count, sum, evidenceAll, l.Count, l.SHA256)
		}
		var again []string
		for _, t := range draw.sample() {
			again = append(again, t.name)
		}
		if draw.size > 0 && !slices.Equal(again, drawn[l.Name]) {
			c.say("the sample of %s is not the one that the seed draws", l.Name)
		}
		delete(drawn, l.Name)
	}
	for name := range drawn {
		c.say("there is a sample of %s, which is no population", name)
	}
}

func (c *evidenceChecker) list(name string, draw *sampler) (count int64, sum string, err error) {
	file, err := c.folder.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = file.Close() }() // was only read
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(file, hash))
	for lines.Scan() {
		count++
		draw.offer(count, lines.Text())
	}
	return count, hex.EncodeToString(hash.Sum(nil)), lines.Err()
}

// verify runs the check of an auditor on a file of the log.
func (c *evidenceChecker) verify(name string) (auditlog.Verified, bool) {
	known := auditlog.Known{Public: c.public, Checkpoint: c.known.Checkpoint}
	v, err := c.verified(name, known)
	if errors.Is(err, auditlog.ErrUnproven) && name == evidenceProofs {
		known.Checkpoint = "" // it is in the same tree as the other file
		v, err = c.verified(name, known)
	}
	if err != nil {
		c.say("%s: %v", name, err)
		return v, false
	}
	if log := c.Evidence.Log; v.Size != log.Size || v.Root.String() != log.Root || v.Origin != c.Evidence.Origin {
		c.say("%s is proven in another tree than %s says", name, evidenceAll)
	}
	return v, true
}

func (c *evidenceChecker) verified(name string, known auditlog.Known) (auditlog.Verified, error) {
	file, err := c.folder.Open(name)
	if err != nil {
		return auditlog.Verified{}, err
	}
	defer func() { _ = file.Close() }() // was only read
	return auditlog.Verify(file, known)
}

func (c *evidenceChecker) log() {
	v, ok := c.verify(evidenceAudit)
	if l := c.Evidence.Log; ok && (v.From != l.From || v.To != l.To || v.Events != l.Events || v.Erased != l.Erased) {
		c.say("%s has other events than %s says", evidenceAudit, evidenceAll)
	}
}

// proofs checks that the events of the samples are those that are proven.
func (c *evidenceChecker) proofs() {
	if len(c.Evidence.Samples) == 0 {
		return
	}
	v, ok := c.verify(evidenceProofs)
	if !ok {
		return
	}
	if v.Events != c.Evidence.Log.Proofs {
		c.say("%s has %d events, %s says %d", evidenceProofs, v.Events, evidenceAll, c.Evidence.Log.Proofs)
	}
	proven, err := c.proven()
	if err != nil {
		c.say("%s: %v", evidenceProofs, err)
		return
	}
	for _, item := range c.Evidence.Samples {
		if len(item.Events) == 0 {
			c.say("%s has no event in the audit log", item.ID)
		}
		for _, e := range item.Events {
			if proven[e.Position] != e {
				c.say("the event at position %d of %s is not the one that is proven", e.Position, item.ID)
			}
		}
	}
}

// proven reads the events of a file that was verified.
func (c *evidenceChecker) proven() (map[int64]EvidenceEvent, error) {
	text, err := fs.ReadFile(c.folder, evidenceProofs)
	if err != nil {
		return nil, err
	}
	out := map[int64]EvidenceEvent{}
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if i == 0 {
			continue // the header
		}
		var e struct {
			EvidenceEvent

			Erased *auditlog.Commitments `json:"erased"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		e.EvidenceEvent.Erased = e.Erased != nil
		e.EvidenceEvent.At = e.At.UTC()
		out[e.Position] = e.EvidenceEvent
	}
	return out, nil
}

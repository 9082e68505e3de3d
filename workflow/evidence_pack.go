package workflow

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
)

// The files of a pack, beside the lists in its folders populations and
// exceptions.
const (
	evidencePage     = "index.html"    // for people
	evidenceAll      = "evidence.json" // the same for programs, and more of it
	evidenceAudit    = "audit.jsonl"   // the log's events of the period; `latchkey audit verify` reads it
	evidenceProofs   = "proofs.jsonl"  // the events of the samples with a proof each; likewise
	evidenceManifest = "manifest.json" // the hash of each file above
	evidenceNote     = "manifest.note" // the hash of the manifest, signed with the log's key
	evidenceSums     = "SHA256SUMS"    // for sha256sum -c
)

// What manifest.json and the signed note begin with.
const (
	manifestFormat = "latchkey-evidence-manifest/1"
	statementKind  = "evidence pack"
)

// evidenceManifestOf lists the files of a pack.
type evidenceManifestOf struct {
	Format string            `json:"format"`
	Origin string            `json:"origin"`
	MadeAt time.Time         `json:"made_at"`
	Files  []evidenceFileSum `json:"files"`
}

type evidenceFileSum struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hex
}

// evidencePack is a pack while it is being made.
type evidencePack struct {
	*Service
	Evidence

	create func(name string) (io.WriteCloser, error)
	signer storage.AuditSigner
	tree   tlog.Tree // in which everything is proven
	signed storage.Checkpoint
	drawn  []*sampler
	files  []evidenceFileSum
}

// evidenceFile is one file under way.
type evidenceFile struct {
	*bufio.Writer
	sum  hash.Hash
	size int64
	to   io.Writer
}

// written takes what the buffer lets go.
func (f *evidenceFile) written(b []byte) (int, error) {
	_, _ = f.sum.Write(b) // a hash takes all that is written to it
	f.size += int64(len(b))
	return f.to.Write(b)
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

// file makes one file of the pack and notes its hash.
func (p *evidencePack) file(name string, fill func(*evidenceFile) error) (err error) {
	to, err := p.create(name)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	f := &evidenceFile{sum: sha256.New(), to: to}
	f.Writer = bufio.NewWriterSize(writerFunc(f.written), 1<<16)
	err = fill(f)
	if err == nil {
		err = f.Flush()
	}
	if closed := to.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	p.files = append(p.files, evidenceFileSum{name, f.size, hex.EncodeToString(f.sum.Sum(nil))})
	return nil
}

// sumOf is the hash of a file that was made.
func (p *evidencePack) sumOf(name string) string {
	for _, f := range p.files {
		if f.Name == name {
			return f.SHA256
		}
	}
	return ""
}

func (p *evidencePack) text(name, text string) error {
	return p.file(name, func(f *evidenceFile) error {
		_, err := f.WriteString(text)
		return err
	})
}

func (p *evidencePack) json(name string, v any) error {
	return p.file(name, func(f *evidenceFile) error {
		enc := json.NewEncoder(f)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	})
}

// write makes the files about all of it, and the signature.
func (p *evidencePack) write(context.Context) error {
	if err := p.json(evidenceAll, p.Evidence); err != nil {
		return err
	}
	if err := p.file(evidencePage, func(f *evidenceFile) error { return writeEvidencePage(f, p.Evidence) }); err != nil {
		return err
	}
	if err := p.json(evidenceManifest, evidenceManifestOf{manifestFormat, p.Origin, p.MadeAt, p.files}); err != nil {
		return err
	}
	note, err := p.signer.SignStatement(statementKind, "sha256 "+p.sumOf(evidenceManifest))
	if err != nil {
		return fmt.Errorf("sign the manifest: %w", err)
	}
	if err := p.text(evidenceNote, note); err != nil {
		return err
	}
	return p.text(evidenceSums, sumsOf(p.files))
}

// sumsOf is the text that sha256sum -c reads.
func sumsOf(files []evidenceFileSum) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(f.SHA256 + "  " + f.Name + "\n")
	}
	return b.String()
}

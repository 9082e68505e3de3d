package workflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"latchkey/storage"
)

// evidenceHeader names the columns of the evidence file.
var evidenceHeader = []string{"id", "system", "kind", "class", "label", "owner", "account", "access", "scopes_before", "scopes_after", "created",
	"last_used", "expires", "decision", "by", "decided_at", "reason", "state_at_end", "receipt"}

// WriteEvidence ends a campaign when nothing of it is under way any more. Each
// key's line is written down as things stand, so that the file is the same
// whenever it is made. It may run twice, on any replica, after any crash.
func (s *Service) WriteEvidence(ctx context.Context, id storage.CampaignID) error {
	c, err := s.DB.Campaign(ctx, id)
	if err != nil || c.State != storage.CampaignEnding {
		return err
	}
	keys, lines, err := s.evidence(ctx, id)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := writeEvidence(&file, lines); err != nil {
		return err
	}
	sum := sha256.Sum256(file.Bytes())
	s.Fault("campaign:gathered")
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		c, err := tx.LockCampaign(ctx, id)
		if err != nil || c.State != storage.CampaignEnding {
			return err
		}
		if settled, err := tx.CampaignSettled(ctx, c); err != nil || !settled {
			return err
		}
		for from := 0; from < len(keys); from += pageOfAll {
			to := min(from+pageOfAll, len(keys))
			if err := tx.SetRecords(ctx, id, keys[from:to], lines[from:to]); err != nil {
				return err
			}
		}
		c.Evidence, c.NextActionAt = hex.EncodeToString(sum[:]), time.Time{}
		return moveCampaign(ctx, tx, &c, eventFinish, storage.System("campaign"), "evidence SHA-256 "+c.Evidence)
	})
	if err == nil {
		s.Fault("campaign:done")
	}
	return err
}

// evidence gathers a line for each key, by key.
func (s *Service) evidence(ctx context.Context, id storage.CampaignID) (keys []storage.CredentialID, lines [][]string, err error) {
	f := storage.CampaignItemFilter{Limit: pageOfAll}
	for {
		items, err := s.DB.CampaignItems(ctx, id, f)
		if err != nil || len(items) == 0 {
			return keys, lines, err
		}
		page, err := s.evidenceOf(ctx, items)
		if err != nil {
			return nil, nil, err
		}
		for _, it := range items {
			keys = append(keys, it.CredentialID)
		}
		lines = append(lines, page...)
		f.After = keys[len(keys)-1]
	}
}

func (s *Service) evidenceOf(ctx context.Context, items []storage.CampaignItem) ([][]string, error) {
	ids := make([]storage.CredentialID, len(items))
	var people []storage.PersonID
	for i, it := range items {
		ids[i] = it.CredentialID
		if it.DecidedBy != 0 {
			people = append(people, it.DecidedBy)
		}
	}
	rows, err := s.DB.Inventory(ctx, storage.InventoryFilter{IDs: ids, Ended: true, Limit: len(ids)}, storage.FlagRules{})
	if err != nil {
		return nil, err
	}
	byID := map[storage.CredentialID]storage.InventoryRow{}
	for _, r := range rows {
		byID[r.ID] = r
		if r.OwnerID != 0 {
			people = append(people, r.OwnerID)
		}
	}
	names, err := s.persons(ctx, people...)
	if err != nil {
		return nil, err
	}
	receipts, err := s.DB.LastReceipts(ctx, ids, "revoke")
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(items))
	for i, it := range items {
		out[i] = evidenceLine(it, byID[it.CredentialID], names, receipts[it.CredentialID])
	}
	return out, nil
}

func evidenceLine(it storage.CampaignItem, r storage.InventoryRow, names map[storage.PersonID]Person, proof storage.Receipt) []string {
	c := r.Credential
	used := "unknown"
	switch {
	case !c.LastUsedAt.IsZero():
		used = stamp(c.LastUsedAt)
	case c.UseKnown:
		used = "never"
	}
	created := c.VendorCreatedAt
	if created.IsZero() {
		created = c.ActivatedAt
	}
	account := r.AccountEmail
	if account == "" {
		account = r.AccountRef
	}
	after := it.ScopesBefore
	if it.ScopesAfter != nil {
		after = it.ScopesAfter
	}
	by := "nobody"
	if it.DecidedBy != 0 {
		by = names[it.DecidedBy].Name
	}
	line := []string{it.CredentialID.String(), c.Connection, c.Kind, c.Class, c.Label, names[c.OwnerID].Name, account, c.Access,
		strings.Join(it.ScopesBefore, " "), strings.Join(after, " "), stamp(created), used, stamp(c.ExpiresAt), string(it.Decision), by, stamp(it.DecidedAt),
		it.Reason, string(c.State), receiptWords(proof)}
	for i := range line {
		line[i] = plainCell(line[i])
	}
	return line
}

// receiptWords is a system's answer in one cell.
func receiptWords(r storage.Receipt) string {
	if r.CredentialID == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %s: %s", stamp(r.At), r.Liveness, strings.ReplaceAll(strings.TrimSpace(r.Answer), "\n", "; "))
}

func writeEvidence(w io.Writer, lines [][]string) error {
	out := csv.NewWriter(w)
	if err := out.Write(evidenceHeader); err != nil {
		return err
	}
	return out.WriteAll(lines)
}

// CampaignEvidence makes the file of a campaign that is done, always the same,
// and checks it against the hash that was noted then. Admins only.
func (s *Service) CampaignEvidence(ctx context.Context, a Actor, id storage.CampaignID) (storage.Campaign, []byte, error) {
	if err := s.mustAdmin(ctx, a, "have the evidence of a campaign"); err != nil {
		return storage.Campaign{}, nil, err
	}
	return s.ReadEvidence(ctx, id)
}

// ReadEvidence is CampaignEvidence without a question of authority: callers
// send it only to those who may have it.
func (s *Service) ReadEvidence(ctx context.Context, id storage.CampaignID) (storage.Campaign, []byte, error) {
	c, err := s.DB.Campaign(ctx, id)
	if err != nil {
		return c, nil, gone(err, "such campaign")
	}
	if c.State != storage.CampaignDone {
		return c, nil, refuse(RuleNotPossible, "The campaign “%s” is not done, so there is no evidence yet.", c.Title)
	}
	var all [][]string
	after := storage.CredentialID(0)
	for {
		lines, last, err := s.DB.CampaignRecords(ctx, id, after, pageOfAll)
		if err != nil {
			return c, nil, err
		}
		all = append(all, lines...)
		if len(lines) < pageOfAll {
			break
		}
		after = last
	}
	var file bytes.Buffer
	if err := writeEvidence(&file, all); err != nil {
		return c, nil, err
	}
	sum := sha256.Sum256(file.Bytes())
	if got := hex.EncodeToString(sum[:]); got != c.Evidence {
		return c, nil, fmt.Errorf("evidence of campaign %d has the hash %s, want %s", id, got, c.Evidence)
	}
	return c, file.Bytes(), nil
}

package slacksim

import (
	"encoding/json"
	"net/http"
	"slices"
)

// keptEntries bounds the log of a long demo.
const keptEntries = 20_000

// Traffic is every API call in and every envelope out, oldest first. A long demo
// forgets the oldest.
func (s *Sim) Traffic() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.traffic)
}

// Problems is every rule the app broke so far, each a sentence.
func (s *Sim) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

func (s *Sim) record(e Entry) {
	s.entrySeq++
	e.Seq, e.At = s.entrySeq, s.now()
	s.traffic = append(s.traffic, e)
	if len(s.traffic) > keptEntries {
		s.traffic = slices.Delete(s.traffic, 0, len(s.traffic)-keptEntries)
	}
	s.touch()
}

func (s *Sim) serveTraffic(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.Traffic()); err != nil {
		s.log.Debug().Err(err).Msg("writing traffic")
	}
}

// encode is json.Marshal for documents that are made of JSON values only.
func (s *Sim) encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		s.log.Error().Err(err).Msg("encoding a document")
		return json.RawMessage("null")
	}
	return raw
}

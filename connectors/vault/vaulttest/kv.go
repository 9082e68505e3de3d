package vaulttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// entry is one secret of a KV engine of version 2: its versions, the oldest
// first.
type entry struct{ versions []*version }

type version struct {
	data      map[string]any
	made      time.Time
	deleted   time.Time // zero for not
	destroyed bool
}

func (d *Double) entry(mount, place string) *entry {
	m := d.mounts[mount]
	if m.entries[place] == nil {
		m.entries[place] = &entry{}
	}
	return m.entries[place]
}

// Put writes a version as somebody else would, and returns its number.
func (d *Double) Put(mount, place string, data map[string]any) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entry(mount, place)
	e.versions = append(e.versions, &version{data: maps.Clone(data), made: d.now()})
	return len(e.versions)
}

// Delete soft-deletes the newest version.
func (d *Double) Delete(mount, place string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entry(mount, place)
	e.versions[len(e.versions)-1].deleted = d.now()
}

// Undelete restores the newest version.
func (d *Double) Undelete(mount, place string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entry(mount, place)
	e.versions[len(e.versions)-1].deleted = time.Time{}
}

// Destroy takes the data of the newest version away for good.
func (d *Double) Destroy(mount, place string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entry(mount, place)
	last := e.versions[len(e.versions)-1]
	last.data, last.destroyed = nil, true
}

// DeleteMetadata takes a secret away with all its versions.
func (d *Double) DeleteMetadata(mount, place string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.mounts[mount].entries, place)
}

// Data is what programs read at a place, and its version; nil when there is
// nothing to read.
func (d *Double) Data(mount, place string) (data map[string]any, number int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.mounts[mount].entries[place]
	if e == nil {
		return nil, 0
	}
	last := e.versions[len(e.versions)-1]
	if !last.readable() {
		return nil, len(e.versions)
	}
	return maps.Clone(last.data), len(e.versions)
}

func (v *version) readable() bool { return v.deleted.IsZero() && !v.destroyed }

func (v *version) facts(number int) object {
	deleted := ""
	if !v.deleted.IsZero() {
		deleted = v.deleted.UTC().Format(time.RFC3339Nano)
	}
	return object{
		"version": number, "created_time": v.made.UTC().Format(time.RFC3339Nano), "deletion_time": deleted,
		"destroyed": v.destroyed, "custom_metadata": nil,
	}
}

func readData(e *entry, query url.Values) reply {
	if len(query) > 0 {
		return refuse(http.StatusBadRequest, "the double knows no query here")
	}
	if e == nil {
		return refuse(http.StatusNotFound)
	}
	number := len(e.versions)
	v := e.versions[number-1]
	answer := ok(object{"data": nil, "metadata": v.facts(number)}, "kv")
	if !v.readable() {
		answer.status = http.StatusNotFound
		return answer
	}
	answer.body["data"] = object{"data": v.data, "metadata": v.facts(number)}
	return answer
}

// writeData demands a check-and-set, which the engine can be set to as well.
func (d *Double) writeData(m *mount, place string, body []byte) reply {
	var in struct {
		Data    map[string]any `json:"data"`
		Options struct {
			CAS *json.Number `json:"cas"`
		} `json:"options"`
	}
	if !decode(body, &in) {
		return refuse(http.StatusBadRequest, "failed to parse JSON input")
	}
	if in.Data == nil {
		return refuse(http.StatusBadRequest, "no data provided")
	}
	if in.Options.CAS == nil {
		return refuse(http.StatusBadRequest, "check-and-set parameter required for this call")
	}
	number := 0
	if e := m.entries[place]; e != nil {
		number = len(e.versions)
	}
	if in.Options.CAS.String() != strconv.Itoa(number) {
		return refuse(http.StatusBadRequest, "check-and-set parameter did not match the current version")
	}
	if m.entries[place] == nil {
		m.entries[place] = &entry{}
	}
	made := &version{data: in.Data, made: d.now()}
	m.entries[place].versions = append(m.entries[place].versions, made)
	return ok(made.facts(number+1), "kv")
}

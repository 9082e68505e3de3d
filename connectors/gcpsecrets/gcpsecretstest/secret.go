package gcpsecretstest

import (
	"maps"
	"strconv"
)

// States of a version.
const (
	enabled   = "ENABLED"
	disabled  = "DISABLED"
	destroyed = "DESTROYED"
)

// entry is one secret with its versions, the oldest first.
type entry struct {
	etag        string
	annotations map[string]string
	versions    []*version
}

type version struct{ value, state string }

// change makes a new etag.
func (d *Double) change(e *entry) {
	d.serial++
	e.etag = strconv.Quote("etag-" + strconv.Itoa(d.serial))
}

// Make makes a secret without a version, as somebody else would.
func (d *Double) Make(id string, annotations map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := &entry{annotations: maps.Clone(annotations)}
	if e.annotations == nil {
		e.annotations = map[string]string{}
	}
	d.change(e)
	d.secrets[id] = e
}

// Add adds a version as somebody else would.
func (d *Double) Add(id, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[id]
	e.versions = append(e.versions, &version{value: value, state: enabled})
}

// Annotate sets annotations as somebody else would; an empty value takes one
// away.
func (d *Double) Annotate(id string, annotations map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[id]
	for key, value := range annotations {
		e.annotations[key] = value
		if value == "" {
			delete(e.annotations, key)
		}
	}
	d.change(e)
}

// Disable stops the newest version, until Enable.
func (d *Double) Disable(id string) { d.setState(id, disabled) }

// Enable lets the newest version be read again.
func (d *Double) Enable(id string) { d.setState(id, enabled) }

// Destroy takes the value of the newest version away for good.
func (d *Double) Destroy(id string) { d.setState(id, destroyed) }

func (d *Double) setState(id, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[id]
	v := e.versions[len(e.versions)-1]
	if v.state = state; state == destroyed {
		v.value = ""
	}
}

// Remove takes a secret away with all its versions.
func (d *Double) Remove(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.secrets, id)
}

// Value is what programs read as the latest version, and its number; empty
// when there is nothing to read.
func (d *Double) Value(id string) (value string, number int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[id]
	if e == nil || len(e.versions) == 0 {
		return "", 0
	}
	v := e.versions[len(e.versions)-1]
	if v.state != enabled {
		return "", len(e.versions)
	}
	return v.value, len(e.versions)
}

// Annotations is a secret's annotations.
func (d *Double) Annotations(id string) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.secrets[id] == nil {
		return nil
	}
	return maps.Clone(d.secrets[id].annotations)
}

func (d *Double) secretRow(id string, e *entry) object {
	row := object{
		"name": "projects/" + projectNumber + "/secrets/" + id, "createTime": "2026-11-21T12:00:00.123456Z", "etag": e.etag,
		"replication": object{"automatic": object{}},
	}
	if len(e.annotations) > 0 {
		row["annotations"] = e.annotations
	}
	return row
}

func (e *entry) versionRow(id string, number int) object {
	return object{
		"name":       "projects/" + projectNumber + "/secrets/" + id + "/versions/" + strconv.Itoa(number),
		"createTime": "2026-11-21T12:00:00.123456Z", "state": e.versions[number-1].state, "etag": `"version"`,
		"replicationStatus": object{"automatic": object{}}, "clientSpecifiedPayloadChecksum": true,
	}
}

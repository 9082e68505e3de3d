package awssecretstest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AWS's own staging labels.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// entry is one secret. A staging label is on one version at most.
type entry struct {
	name    string
	values  map[string]string // by version ID
	stages  map[string]string // version ID by label
	tags    map[string]string
	leaving time.Time // when deletion was asked for; zero for not
}

// give puts a staging label on a version, and AWSPREVIOUS on the one that
// loses AWSCURRENT.
func (e *entry) give(stage, id string) {
	if was := e.stages[current]; stage == current && was != "" && was != id {
		e.stages[previous] = was
	}
	e.stages[stage] = id
}

func (d *Double) arn(name string) string {
	return "arn:aws:secretsmanager:" + d.region + ":" + account + ":secret:" + name + "-a1B2c3"
}

// Put makes a secret, or a new current version of it, as somebody else would.
func (d *Double) Put(name, value string) (version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	version = "somebodys-version-of-a-secret-no-" + strconv.Itoa(d.serial)
	e := d.secrets[name]
	if e == nil {
		e = &entry{name: name, values: map[string]string{}, stages: map[string]string{}, tags: map[string]string{}}
		d.secrets[name] = e
	}
	e.values[version] = value
	e.give(current, version)
	return version
}

// Tag sets a tag as somebody else would.
func (d *Double) Tag(name, key, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[name].tags[key] = value
}

// ScheduleDeletion begins a secret's deletion, which takes days.
func (d *Double) ScheduleDeletion(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[name].leaving = d.now()
}

// Restore ends a scheduled deletion.
func (d *Double) Restore(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[name].leaving = time.Time{}
}

// Remove takes a secret away for good.
func (d *Double) Remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.secrets, name)
}

// RollBack makes the version before the current one.
func (d *Double) RollBack(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[name]
	e.give(current, e.stages[previous])
}

// Value is what programs read of a secret, and of which version; empty when
// there is nothing to read.
func (d *Double) Value(name string) (value, version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[name]
	if e == nil || !e.leaving.IsZero() {
		return "", ""
	}
	return e.values[e.stages[current]], e.stages[current]
}

// Versions counts a secret's versions.
func (d *Double) Versions(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.secrets[name] == nil {
		return 0
	}
	return len(d.secrets[name].values)
}

// Tags is a secret's tags.
func (d *Double) Tags(name string) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.secrets[name].tags)
}

// find is the secret of an ID, which is a name or a whole ARN, or nil.
func (d *Double) find(id string) *entry {
	for name, e := range d.secrets {
		if id == name || id == d.arn(name) {
			return e
		}
	}
	return nil
}

// stagesOf are the staging labels of a version, sorted.
func (e *entry) stagesOf(id string) []string {
	var out []string
	for stage, on := range e.stages {
		if on == id {
			out = append(out, stage)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}

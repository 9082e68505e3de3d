package gcpsecrets

import (
	"errors"
	"maps"
	"strconv"
	"strings"

	"latchkey/connectors"
)

// The annotations of a secret that are ours. The label and the base are set
// before a version is written, so that a lost answer is known again.
const (
	markPrefix  = "latchkey_"
	markLabel   = markPrefix + "label"   // of the newest delivery
	markBase    = markPrefix + "base"    // the version that one replaces; 0 for none
	markVersion = markPrefix + "version" // the one it became; absent until that is known
)

// Google's bounds of annotations, and ours: all of a secret's have 16 KiB.
const (
	maxMarkKey   = 63
	maxMarkValue = 256 // characters
	maxFacts     = 12
)

// marksOf is what a delivery is marked with.
func marksOf(d connectors.Delivery, base int64) (map[string]string, error) {
	if len(d.Facts) > maxFacts || d.Label != fit(d.Label) {
		return nil, errors.New("the label is too long for an annotation, or there are too many facts")
	}
	marks := map[string]string{}
	for key, fact := range d.Facts {
		name := markPrefix + key
		if name == markLabel || name == markBase || name == markVersion ||
			len(name) > maxMarkKey || strings.HasSuffix(name, "_") || strings.ContainsFunc(name, odd) {
			return nil, errors.New("a fact has the name of one of our marks, or one that no annotation can have")
		}
		marks[name] = fit(fact)
	}
	marks[markLabel], marks[markBase] = d.Label, strconv.FormatInt(base, 10)
	return marks, nil
}

// marked is a secret's annotations with our marks in the place of older ones.
// Other people's stay.
func marked(annotations, marks map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range annotations {
		if !strings.HasPrefix(key, markPrefix) {
			out[key] = value
		}
	}
	maps.Copy(out, marks)
	return out
}

func fit(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "_"))
	return string(runes[:min(len(runes), maxMarkValue)])
}

package awssecrets

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"latchkey/connectors"
)

// AWS's bounds of tags.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

const (
	tagPrefix = "latchkey_" // a fact must not change somebody's tag of the same name: policies may go by it
	tagLabel  = tagPrefix + "label"
)

// tagsOf is the label, which must fit, and the facts, which are made to.
func tagsOf(d connectors.Delivery) ([]types.Tag, error) {
	if d.Label != fit(d.Label) {
		return nil, errors.New("the label holds characters that no tag of AWS's can, or too many")
	}
	if len(d.Facts) >= maxTags {
		return nil, errors.New("there are more facts than a secret of AWS's can have tags")
	}
	tags := []types.Tag{{Key: aws.String(tagLabel), Value: aws.String(d.Label)}}
	for _, key := range slices.Sorted(maps.Keys(d.Facts)) {
		name := tagPrefix + key
		if name == tagLabel || name != fit(name) || len(name) > maxTagKey {
			return nil, errors.New("a fact has the label's name, or one that no tag of AWS's can have")
		}
		tags = append(tags, types.Tag{Key: aws.String(name), Value: aws.String(fit(d.Facts[key]))})
	}
	return tags, nil
}

// fit keeps what AWS takes in a tag: letters, digits, spaces and a few signs.
func fit(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "_"))
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && !strings.ContainsRune("_.:/=+-@", r) {
			runes[i] = '_'
		}
	}
	return string(runes[:min(len(runes), maxTagValue)])
}

package bot

import (
	"fmt"
	"slices"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// flagOptions are the flags as people type them after two dashes.
var flagOptions = map[string]storage.Flag{
	"unmanaged":     storage.FlagUnmanaged,
	"over-scoped":   storage.FlagOverScope,
	"over-age":      storage.FlagOverAge,
	"expiring":      storage.FlagExpiring,
	"stale":         storage.FlagStale,
	"never-used":    storage.FlagNeverUsed,
	"owner-left":    storage.FlagOwnerLeft,
	"owner-unknown": storage.FlagOwnerUnknown,
	"missing":       storage.FlagMissing,
	"not-allowed":   storage.FlagUnentitled,
}

// optionOf is a flag as people type it, without the dashes.
func optionOf(f storage.Flag) string {
	for option, flag := range flagOptions {
		if flag == f {
			return option
		}
	}
	return ""
}

// flagLabel is a flag behind a count: "3 unmanaged".
func flagLabel(f storage.Flag) string {
	switch f {
	case storage.FlagUnmanaged:
		return "unmanaged"
	case storage.FlagOverScope:
		return "over-scoped"
	case storage.FlagOverAge:
		return "over age"
	case storage.FlagExpiring:
		return "expiring"
	case storage.FlagStale:
		return "stale"
	case storage.FlagNeverUsed:
		return "never used"
	case storage.FlagOwnerLeft:
		return "owner left"
	case storage.FlagOwnerUnknown:
		return "owner unknown"
	case storage.FlagMissing:
		return "missing"
	case storage.FlagUnentitled:
		return "not allowed any more"
	}
	return "flagged"
}

// flagWords says in a row what is up with a key.
func flagWords(f storage.Flag, c storage.Credential) string {
	switch f {
	case storage.FlagUnmanaged:
		return "nobody asked for it here"
	case storage.FlagOverScope:
		if c.Managed {
			return "more access than was approved"
		}
		return "more than read access without an approval"
	case storage.FlagOverAge:
		return "over age"
	case storage.FlagExpiring:
		return "expires soon"
	case storage.FlagStale:
		return "unused for long"
	case storage.FlagNeverUsed:
		return "never used"
	case storage.FlagOwnerLeft:
		return "its owner left"
	case storage.FlagOwnerUnknown:
		return "its owner is unknown"
	case storage.FlagMissing:
		return "missing from the system's last listing"
	case storage.FlagUnentitled:
		return "not allowed any more"
	}
	return string(f)
}

// flagsInShort lists a key's flags in a row; empty without any. That a key
// was never used stands in the row already.
func flagsInShort(v workflow.CredentialView) string {
	var out []string
	for _, f := range v.Flags {
		if f != storage.FlagNeverUsed {
			out = append(out, flagWords(f, v.Credential))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "Flags: " + words(join(out))
}

// flagLines tells in mrkdwn why each flag is up.
func flagLines(v workflow.CredentialView) string {
	out := make([]string, len(v.Flags))
	for i, f := range v.Flags {
		out[i] = "• " + flagReason(f, v)
	}
	return strings.Join(out, "\n")
}

func flagReason(f storage.Flag, v workflow.CredentialView) string {
	c := v.Credential
	label := "*" + flagLabel(f) + "*: "
	switch f {
	case storage.FlagUnmanaged:
		return label + "nobody asked for it here; it was found at the system " + day(c.CreatedAt) + "."
	case storage.FlagOverScope:
		if extra := beyondGrant(c); c.Managed && len(extra) > 0 {
			return label + "at the system it also has " + codes(extra, maxExtraScopes) + ", which nobody approved."
		}
		return label + words(flagWords(f, c)) + "."
	case storage.FlagOverAge:
		return label + "it was made " + day(madeAt(c)) + ", longer ago than keys may live."
	case storage.FlagExpiring:
		return label + "it ends " + untilMarkup(c) + "."
	case storage.FlagStale:
		if isSet(c.LastUsedAt) {
			return label + "it was last used " + day(c.LastUsedAt) + "."
		}
		return label + words(lastUsed(c, utcDay)) + "."
	case storage.FlagNeverUsed:
		return label + "the system knows of no use since it was made."
	case storage.FlagOwnerLeft:
		return label + "the person left, or the account at the system is closed."
	case storage.FlagOwnerUnknown:
		return label + "its account at the system is linked to nobody here."
	case storage.FlagMissing:
		return label + "the system's last whole listing did not have it."
	case storage.FlagUnentitled:
		return label + "the rules would not give it to its owner any more" + unentitledWhy(v) + "."
	}
	return label + words(string(f))
}

// maxExtraScopes bounds a list of scopes inside a sentence.
const maxExtraScopes = 4

// beyondGrant is what a key can do at its system and was not granted here.
func beyondGrant(c storage.Credential) []string {
	var out []string
	for _, s := range c.VendorScopes {
		if !slices.Contains(c.Scopes, s) {
			out = append(out, s)
		}
	}
	return out
}

// codes lists names as code.
func codes(names []string, limit int) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = code(n)
	}
	return joinSome(out, limit)
}

// countsByFlag says what is up with a system's keys: "3 unmanaged, 1 stale".
func countsByFlag(counts map[storage.Flag]int) string {
	var out []string
	for _, f := range storage.Flags {
		if n := counts[f]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, flagLabel(f)))
		}
	}
	return strings.Join(out, ", ")
}

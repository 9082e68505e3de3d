package config

import "strings"

// didYouMean ends a sentence with the nearest known word, if one is near.
func didYouMean(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest finds the known word that was probably meant, or nothing.
func nearest(word string, known []string) string {
	plain := plainWord(word)
	if plain == "" {
		return ""
	}
	best, bestDistance := "", 1+min(3, len(plain)/3)
	for _, k := range known {
		if d := distance(plain, plainWord(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" || len(plain) < 4 {
		return best
	}
	for _, k := range known {
		if p := plainWord(k); strings.Contains(p, plain) || len(p) >= 4 && strings.Contains(plain, p) {
			return k
		}
	}
	return ""
}

// plainWord makes botToken, bot-token and bot_token the same word. Only its
// beginning counts: no known word is longer.
func plainWord(s string) string {
	s = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
	return s[:min(len(s), 64)]
}

// distance counts the letters to insert, remove, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	var before, previous []int
	current := make([]int, len(b)+1)
	for j := range current {
		current[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, previous, current = previous, current, make([]int, len(b)+1)
		current[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
	}
	return current[len(b)]
}

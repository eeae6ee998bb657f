package password

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
)

// words are passwords, and the words that passwords are made of, which lists of leaked ones have at their top.
//
//go:embed common.txt
var words string

// decoration is what people put around a common word to please rules.
const decoration = "0123456789!@#$%^&*()-_=+.,?~ "

// common tells whether a password is a common one, as it is or behind its decoration: password, Password1!, 123password.
func common(folded string) bool {
	bare := strings.Trim(folded, decoration)
	for line := range strings.Lines(words) {
		word := strings.TrimSpace(line)
		if word == folded || (word == bare && len(bare) >= 4) {
			return true
		}
	}
	return false
}

// leaked tells whether a password is one of some 30,000 that stand at the top of lists of leaked ones. It looks through all of
// them, in well under a millisecond: a hash takes far longer, and an index of them would be memory that is hardly ever used.
func leaked(folded string) bool {
	return slices.Contains(frequency.FrequencyLists["passwords"], folded)
}

// shortest period that still counts as a pattern, and the rows that fingers run along.
const longestPeriod = 4

func rows() []string {
	return []string{"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn"}
}

// monotonous tells whether a password is one to four characters again and again, or a run along the alphabet or keyboard.
func monotonous(folded string) bool {
	runes := []rune(folded)
	for period := 1; period <= longestPeriod; period++ {
		if repeats(runes, period) {
			return true
		}
	}
	for _, row := range rows() {
		if strings.Contains(row, folded) || strings.Contains(reverse(row), folded) {
			return true
		}
	}
	return false
}

func repeats(runes []rune, period int) bool {
	for i := period; i < len(runes); i++ {
		if runes[i] != runes[i-period] {
			return false
		}
	}
	return true
}

func reverse(s string) string {
	out := make([]byte, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		out = append(out, s[i])
	}
	return string(out)
}

// product is what everybody here knows, beside the person's own words and the organisation's.
const product = "cloudkida"

// personal tells whether fewer than four characters are left of a password without the words that it is about: the person's
// own and those of where they sign in.
func personal(folded string, about []string) bool {
	rest := folded
	for _, text := range append(slices.Clone(about), product) {
		words := strings.FieldsFunc(strings.ToLower(text), notWord)
		for _, word := range append([]string{strings.ToLower(text)}, words...) { // the whole first: its short words count as well
			if utf8.RuneCountInString(word) >= 4 {
				rest = strings.ReplaceAll(rest, word, "")
			}
		}
	}
	return rest != folded && utf8.RuneCountInString(strings.Trim(rest, decoration)) < 4
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

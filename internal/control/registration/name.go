package registration

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{1,38}[a-z0-9])$`)

// reservedNames are what an organisation would be taken for the installation itself by, or what mail and web give a
// meaning of their own. Names that look like them are reserved too.
func reservedNames() []string {
	return strings.Fields(`
		default admin administrator root system operator operators console api www web app apps my cloudkida kida
		pools pool labs lab sessions session terminal terminals tenants tenant organisation organisations organization members
		register registration registrations directory sign-up sign-in sign-out login logout account accounts auth oauth oidc sso
		saml scim identity id token tokens billing payment payments invoice invoices security privacy legal terms
		docs doc help support status about blog news contact info abuse postmaster hostmaster webmaster noreply no-reply
		mail email smtp imap pop webmail autodiscover autoconfig wpad isatap mx ns1 ns2 ftp cdn static assets files images media
		metrics health healthz readyz events hooks webhooks internal localhost local public private null undefined
		settings dashboard new me well-known favicon robots undone`)
}

// Skeleton is what is left of a name when characters that people take for each other are made one. It agrees with
// control.name_skeleton in the database.
func Skeleton(name string) string {
	s := strings.ReplaceAll(strings.ToLower(name), "-", "")
	s = strings.NewReplacer("0", "o", "1", "l", "i", "l").Replace(s)
	return strings.ReplaceAll(strings.ReplaceAll(s, "rn", "m"), "vv", "w")
}

// checkName says what is wrong with a name whoever has it; "" when nothing is.
func checkName(name string) string {
	switch {
	case !namePattern.MatchString(name):
		return "Use 3 to 40 lower-case letters, digits and hyphens; begin and end with a letter or digit."
	case strings.Contains(name, "--"):
		return "Use single hyphens only."
	case strings.HasPrefix(name, "undone-"):
		return "This name is reserved. Choose another one."
	}
	skeleton := Skeleton(name)
	for _, word := range reservedNames() {
		if Skeleton(word) == skeleton {
			return "This name is reserved, or looks like one that is. Choose another one."
		}
	}
	return ""
}

// maxShown is the longest title or name of a person, in characters.
const maxShown = 100

// maxMarks is how many combining marks may stand on one letter: no script needs more, and more cover the lines around.
const maxMarks = 4

// clean is text as it is kept: in Unicode's normal form, with single spaces.
func clean(text string) string { return norm.NFC.String(strings.Join(strings.Fields(text), " ")) }

// checkShown says what is wrong with clean text that others will see as somebody's name; "" when nothing is.
func checkShown(text string) string {
	letters, marks := 0, 0
	for _, r := range text {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Variation_Selector),
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), !unicode.IsPrint(r), blank(r):
			return "Leave out characters that cannot be seen or that change the direction of reading."
		case unicode.IsMark(r):
			if marks++; marks > maxMarks {
				return "Put fewer marks on one letter."
			}
			continue
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			letters++
		}
		marks = 0
	}
	switch n := utf8.RuneCountInString(text); {
	case letters == 0:
		return "Type a name with at least one letter or digit."
	case n > maxShown:
		return "Use at most 100 characters."
	}
	return ""
}

// blank tells letters and symbols that print as nothing: they pass for printable.
func blank(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800', '\u17b4', '\u17b5':
		return true
	}
	return false
}

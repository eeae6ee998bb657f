// Package address cleans and checks what people type about themselves: names and e-mail addresses.
package address

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest name in characters, and the longest address in bytes.
const (
	MaxName  = 100
	MaxEmail = 254
)

// CleanName is a name without superfluous spaces, in Unicode's normal form.
func CleanName(name string) string {
	return norm.NFC.String(strings.Join(strings.Fields(name), " "))
}

// CheckName says what is wrong with a clean name; "" when nothing is.
func CheckName(name string) string {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "Use letters that can be shown."
	case name == "":
		return "Type your name: others see it beside your work."
	case utf8.RuneCountInString(name) > MaxName:
		return fmt.Sprintf("Use at most %d characters.", MaxName)
	}
	return ""
}

// CleanEmail is an address as it is kept.
func CleanEmail(email string) string { return norm.NFC.String(strings.TrimSpace(email)) }

// Key is the form in which addresses are compared: people do not care about case, whatever the standard allows.
func Key(email string) string { return norm.NFC.String(strings.ToLower(norm.NFKC.String(email))) }

// CheckEmail says what is wrong with a clean address; "" when nothing is.
func CheckEmail(email string) string {
	parsed, err := mail.ParseAddress(email)
	switch {
	case email == "":
		return "Type your e-mail address."
	case len(email) > MaxEmail:
		return "This e-mail address is too long."
	case err != nil || parsed.Address != email || !utf8.ValidString(email) || strings.ContainsFunc(email, notInEmail):
		return "This is not an e-mail address; it looks like name@example.com."
	}
	return ""
}

func notInEmail(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '"' }

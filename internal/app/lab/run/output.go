package run

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what comes out of an environment.
const (
	maxMessage  = 500      // bytes
	maxEnv      = 64 << 10 // bytes
	maxVariable = 4096     // bytes of one value
	maxVars     = 100
)

// escapes are the sequences by which programs colour and move: ESC [ ... letter, ESC ] ... BEL, and the short ones.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])") //nolint:gocritic // from space to slash: the intermediate bytes of ECMA-48

// LastLine is the last line of some output that is not blank, fit to be shown: valid UTF-8 without control characters or
// colours, at most 500 bytes.
func LastLine(output []byte) string {
	clean := escapes.ReplaceAll(output, nil)
	for len(clean) > 0 {
		rest, line := []byte(nil), clean
		if i := bytes.LastIndexAny(clean, "\n\r"); i >= 0 {
			rest, line = clean[:i], clean[i+1:]
		}
		if text := printable(line); text != "" {
			return text
		}
		clean = rest
	}
	return ""
}

func printable(line []byte) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\uFEFF':
			return -1 // marks of direction could make a line read as another one
		default:
			return r
		}
	}, strings.ToValidUTF8(string(line), "\uFFFD"))
	text = strings.TrimSpace(text)
	if len(text) > maxMessage {
		const more = "…"
		text = text[:maxMessage-len(more)]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
		text += more
	}
	return text
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// ParseEnv reads the NAME=value lines that a setup wrote to $CLOUDKIDA_ENV. A value is taken as it stands, to the end of
// its line; blank lines and lines that begin with # do not count; of two equal names the last one counts.
func ParseEnv(data []byte) (map[string]string, error) {
	env := map[string]string{}
	if len(data) > maxEnv {
		return nil, fmt.Errorf("$CLOUDKIDA_ENV has more than %d KiB", maxEnv>>10)
	}
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		line := strings.TrimRight(string(raw), "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		switch {
		case !ok || !variableName.MatchString(name):
			return nil, fmt.Errorf("line %d of $CLOUDKIDA_ENV is not NAME=value", number)
		case len(value) > maxVariable:
			return nil, fmt.Errorf("line %d of $CLOUDKIDA_ENV: the value of %s is longer than %d bytes", number, name, maxVariable)
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			return nil, fmt.Errorf("line %d of $CLOUDKIDA_ENV: the value of %s is not plain text", number, name)
		}
		env[name] = value
		if len(env) > maxVars {
			return nil, fmt.Errorf("$CLOUDKIDA_ENV has more than %d variables", maxVars)
		}
	}
	return env, nil
}

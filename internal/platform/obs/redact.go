package obs

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// redacted stands where a secret stood.
const redacted = "[redacted]"

// Redact is the last guard of the log, for slog.HandlerOptions: what is called like a secret or looks like one of ours is
// left out. Code that logs must not rely on it: a test looks for secrets in what was logged before it.
func Redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(a.Key))
	secret := []string{"password", "secret", "token", "accesstoken", "refreshtoken", "idtoken", "authorization", "cookie", "setcookie", "apikey", "xapikey", "clientsecret", "ticket", "codeverifier", "privatekey", "masterkey", "seed"}
	if slices.Contains(secret, name) {
		return slog.String(a.Key, redacted)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		if text := v.String(); suspicious(text) {
			return slog.String(a.Key, Cleaned(text))
		}
	case slog.KindAny:
		if text := fmt.Sprint(v.Any()); suspicious(text) {
			return slog.String(a.Key, Cleaned(text))
		}
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// suspicious is a cheap look that leaves out nearly every line.
func suspicious(text string) bool {
	return len(text) >= len("code=x") && (strings.ContainsAny(text, "=?") || strings.Contains(text, "eyJ") || strings.Contains(text, "ck_") ||
		strings.Contains(text, "earer ") || strings.Contains(text, "://"))
}

// Cleaned is a text without what looks like a token, a key, or a secret in an address.
func Cleaned(text string) string {
	for _, shape := range []struct{ pattern, with string }{
		{`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`, redacted},                                                                // a JWT
		{`\bck_[A-Za-z0-9_-]{8,}`, redacted},                                                                                                 // an API key
		{`(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}`, "$1 " + redacted},                                                                   // a header
		{`(?i)\b((?:access_|refresh_|id_)?token|code|ticket|client_secret|secret|password|code_verifier|state)=[^&\s"']+`, "$1=" + redacted}, // of a query or a form
		{`://([^/\s:@]*):[^/\s@]+@`, "://$1:" + redacted + "@"},                                                                              // a password in an address
	} {
		text = regexp.MustCompile(shape.pattern).ReplaceAllString(text, shape.with)
	}
	return text
}

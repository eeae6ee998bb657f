package obs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/obs"
)

// Whatever somebody sends, it begins no line of its own, and steers no terminal that shows the log.
func TestALineOfTheLogIsOneLine(t *testing.T) {
	t.Parallel()
	hostile := "a\nlevel=ERROR msg=forged\r\x1b[31m\x00"
	options := &slog.HandlerOptions{ReplaceAttr: obs.Redact}
	for _, form := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, options) }, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, options) },
	} {
		var out bytes.Buffer
		slog.New(form(&out)).Info("request", "route", hostile, "error", errors.New(hostile), hostile, "as a name")
		text := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(text, "\n\r\x1b\x00") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%q", text)
		}
	}
}

func TestSecretsAreLeftOutOfTheLog(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3tS3cr3ts3cr3t"
	jwt := "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0." + secret
	for name, attr := range map[string]slog.Attr{
		"a password by name":      slog.String("password", secret),
		"a header by name":        slog.String("Authorization", secret), //nolint:sloglint // as the header is called
		"a name with a line":      slog.String("client_secret", secret),
		"a name of several words": slog.String("X-Api-Key", secret), //nolint:sloglint // as the header is called
		"a token by its shape":    slog.String("note", "was "+jwt+" here"),
		"a key by its shape":      slog.String("note", "ck_"+secret),
		"a header":                slog.String("header", "Bearer "+secret),
		"an address":              slog.String("url", "https://example.com/x?code="+secret+"&a=b"),
		"a connection":            slog.String("database", "postgres://app:"+secret+"@db/x"),
		"an error":                slog.Any("error", fmt.Errorf("call: %w", errors.New("GET https://a.example/?access_token="+secret))),
		"a group":                 slog.Group("request", slog.String("cookie", secret)),
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: obs.Redact})).Info("x", attr)
		if strings.Contains(out.String(), secret) || !strings.Contains(out.String(), "[redacted]") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: obs.Redact})).Info("request", "route", "GET /v1/labs/{slug}", "status", 200, "error", errors.New("no rows"))
	if !strings.Contains(out.String(), `route="GET /v1/labs/{slug}" status=200 error="no rows"`) {
		t.Errorf("what is no secret: %s", out.String())
	}
}

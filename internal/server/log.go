package server

import (
	"io"
	"log/slog"

	"github.com/cloudkida/cloudkida/internal/platform/obs"
)

// NewLog is the program's log in the format "text" or "json"; secrets are left out of it.
func NewLog(out io.Writer, format string) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: obs.Redact}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

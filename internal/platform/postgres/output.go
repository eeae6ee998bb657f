package postgres

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// output turns the server's lines into log records and keeps the last few for an error's text.
type output struct {
	log *slog.Logger

	mu     sync.Mutex
	part   []byte
	recent []string
}

const (
	maxLine   = 1 << 10
	keptLines = 5
)

// Write takes what the server says, in pieces.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part = append(o.part, b...)
	for {
		line, rest, found := bytes.Cut(o.part, []byte("\n"))
		if !found {
			break
		}
		o.part = rest
		o.line(string(line))
	}
	if len(o.part) > maxLine {
		o.line(string(o.part[:maxLine]))
		o.part = nil
	}
	return len(b), nil
}

func (o *output) line(text string) {
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	o.recent = append(o.recent, text)
	if len(o.recent) > keptLines {
		o.recent = o.recent[1:]
	}
	level := slog.LevelDebug
	switch {
	case strings.Contains(text, "the database system is"), strings.Contains(text, "due to administrator command"):
		// Every start and stop says so to those who connect too early or stay too long.
	case strings.HasPrefix(text, "PANIC:"), strings.HasPrefix(text, "FATAL:"):
		level = slog.LevelWarn
	case strings.HasPrefix(text, "WARNING:"):
		level = slog.LevelInfo
	}
	o.log.Log(context.Background(), level, "postgres", "message", text)
}

func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.recent) == 0 {
		return "it said nothing"
	}
	return strings.Join(o.recent, "; ")
}

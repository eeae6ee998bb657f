package session

import (
	"context"
	"errors"
	"net"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Terminal attaches to a terminal of a running session of the caller.
func (s *Service) Terminal(ctx context.Context, id uuid.UUID, at sandbox.Attachment) (sandbox.Terminal, error) {
	found, _, err := s.own(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found.State != Ready:
		return nil, ErrNotReady
	}
	return s.Provider.Attach(ctx, found.Sandbox(), at)
}

// PortNumber is the number of a web port that the session's lab names.
func (s *Service) PortNumber(ctx context.Context, id uuid.UUID, name string) (uint16, error) {
	_, version, err := s.own(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, p := range version.Manifest.Ports() {
		if p.Name == name {
			return uint16(p.Port), nil //nolint:gosec // the manifest bounds it to 1..65535
		}
	}
	return 0, ErrNoStep
}

// Port connects to a named web port of a running session of the caller.
func (s *Service) Port(ctx context.Context, id uuid.UUID, name string) (net.Conn, error) {
	number, err := s.PortNumber(ctx, id, name)
	if err != nil {
		return nil, err
	}
	found, _, err := s.own(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found.State != Ready:
		return nil, ErrNotReady
	}
	return s.Provider.Dial(ctx, found.Sandbox(), number)
}

// writeScript writes its input to the file named by its argument, whose directories it makes.
const writeScript = `mkdir -p -- "$(dirname -- "$CLOUDKIDA_FILE")" && cat > "$CLOUDKIDA_FILE"`

// WriteFile writes a file below the learner's home, as the learner: what the learner could not write fails.
func (s *Service) WriteFile(ctx context.Context, id uuid.UUID, name, content string) error {
	found, _, err := s.own(ctx, id)
	switch {
	case err != nil:
		return err
	case found.State != Ready:
		return ErrNotReady
	}
	name = path.Clean(strings.TrimPrefix(name, "~/"))
	if !filepath.IsLocal(name) || name == "." || strings.ContainsRune(name, 0) {
		return errPath
	}
	result, err := s.Provider.Exec(ctx, found.Sandbox(), sandbox.Command{
		Script: []byte(writeScript), Env: map[string]string{"CLOUDKIDA_FILE": name}, Stdin: []byte(content),
	})
	if errors.Is(err, sandbox.ErrUnreachable) || errors.Is(err, sandbox.ErrNotFound) {
		return ErrUnreachable.Wrap(err)
	}
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return errPath.Because("The file could not be written: %s", strings.TrimSpace(strings.ToValidUTF8(string(result.Output), "?")))
	}
	return nil
}

// Package terminal connects browsers to the terminals of a session. The browser and the agent in the environment speak
// sandbox.Frame end to end; the server in between checks who speaks, that each frame is one its side may send, and that
// nothing waits or piles up. docs/terminal-protocol.md describes it for clients.
package terminal

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Bounds on open access.Streams, so that one learner's browsers cannot use up what all need.
const (
	maxPerSession = 20
	maxPerUser    = 200
)

// Bounds on a terminal's size, in columns or rows; what a browser asks for beyond them is moved to the nearest.
const (
	minSize = 2
	maxSize = 500
)

// Errors of terminals.
var (
	ErrOrigin   = errs.Forbidden("wrong_origin", "Terminals open from the console's own pages only.")
	ErrProtocol = errs.Malformed("terminal_protocol", "Ask for the subprotocols "+Subprotocol+" and ticket.<ticket>.")
)

// Dialer reaches the environment of a session. The context acts as the person who attaches.
type Dialer interface {
	// Terminal attaches to a terminal of the session's environment. sandbox.ErrUnreachable means that it may come back,
	// sandbox.ErrNotFound that it will not. The terminal lives until it is closed or ctx ends.
	Terminal(ctx context.Context, session uuid.UUID, at sandbox.Attachment) (sandbox.Terminal, error)
}

// Ports hands out addresses of a session's web ports.
type Ports interface {
	// Entrance returns an address that opens the port once, within half a minute. Unknown ports are a not-found error.
	Entrance(ctx context.Context, h access.Holder, port string) (url string, err error)
}

// Service opens terminals. Close it after the HTTP server stopped taking requests.
type Service struct {
	Origin  string // of the console, such as "https://labs.example": no other page may open a terminal
	Tickets *ticket.Store
	Access  *access.Checker
	Dialer  Dialer
	Ports   Ports
	Log     *slog.Logger

	open access.Streams
}

// Close ends all connections, telling the browsers to come back, and waits for them until ctx ends.
func (s *Service) Close(ctx context.Context) error { return s.open.Close(ctx) }

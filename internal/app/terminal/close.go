package terminal

import (
	"context"
	"errors"
	"fmt"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Close codes of our own. After these a browser does not try again by itself.
const (
	CodeTicketRefused websocket.StatusCode = 4001 // used, expired, or for something else
	CodeNotAllowed    websocket.StatusCode = 4003 // the right to use this session ended
	CodeSessionGone   websocket.StatusCode = 4004 // the session ended
	CodeTooMany       websocket.StatusCode = 4029 // too many connections are open
)

var (
	errBrowserFrame = errors.New("terminal: the browser broke the protocol")
	errAgentFrame   = errors.New("terminal: the environment broke the protocol")
	errBrowserGone  = errors.New("terminal: the browser is gone")
	errShellEnded   = errors.New("terminal: the shell ended")
)

// browserError classes what the WebSocket library returns.
func browserError(err error) error {
	if errors.Is(err, websocket.ErrMessageTooBig) {
		return err
	}
	return fmt.Errorf("%w: %w", errBrowserGone, err)
}

// closing says to the browser why the connection ends. The order matters: a refusal of the server's comes before what
// the environment's own end looks like from here.
func closing(reason error) (websocket.StatusCode, string) {
	switch {
	case errors.Is(reason, ticket.ErrRefused):
		return CodeTicketRefused, "the ticket was used, is too old or is for something else"
	case errors.Is(reason, access.ErrTooMany):
		return CodeTooMany, "too many terminals are open"
	case errors.Is(reason, access.ErrClosing):
		return websocket.StatusServiceRestart, "the server is restarting"
	case errors.Is(reason, access.ErrUndecided):
		return websocket.StatusTryAgainLater, "access could not be checked"
	case errors.Is(reason, errBrowserFrame):
		return websocket.StatusProtocolError, "not a frame that a browser may send"
	case errors.Is(reason, websocket.ErrMessageTooBig):
		return websocket.StatusMessageTooBig, "frames carry 32 KiB at most"
	case errors.Is(reason, errShellEnded), errors.Is(reason, errBrowserGone):
		return websocket.StatusNormalClosure, ""
	case errors.Is(reason, errAgentFrame):
		return websocket.StatusInternalError, "the lab sent what is not a terminal's"
	case errors.Is(reason, sandbox.ErrNotFound):
		return CodeSessionGone, "the lab is not running"
	}
	switch errs.KindOf(reason) {
	case errs.KindNotFound, errs.KindConflict:
		return CodeSessionGone, "the session ended"
	case errs.KindForbidden, errs.KindUnauthenticated:
		return CodeNotAllowed, "you may not use this session any more"
	default:
	}
	// What is left comes from the environment: its agent is away, or was just ended. Coming back finds out which.
	if errors.Is(reason, context.Canceled) {
		return websocket.StatusGoingAway, ""
	}
	return websocket.StatusTryAgainLater, "the lab does not answer at the moment"
}

package httpx

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// KeepAlive is how often a quiet event stream says that it lives, so that proxies keep the connection.
const KeepAlive = 15 * time.Second

// eventTime is how long a client may take nothing before its stream is dropped.
const eventTime = 10 * time.Second

// Events writes server-sent events.
type Events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// NewEvents begins an event stream; ok is false where the connection cannot carry one.
func NewEvents(hctx huma.Context) (e *Events, ok bool) {
	hctx.SetHeader("Content-Type", "text/event-stream")
	hctx.SetHeader("X-Accel-Buffering", "no")
	w, ok := hctx.BodyWriter().(http.ResponseWriter)
	if !ok {
		return nil, false
	}
	return &Events{w: w, control: http.NewResponseController(w)}, true
}

// Send writes one event with its data as JSON. An error means that nobody reads any more.
func (e *Events) Send(event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return e.write("event: " + event + "\ndata: " + string(text) + "\n\n")
}

// Alive writes a comment.
func (e *Events) Alive() error { return e.write(": alive\n\n") }

func (e *Events) write(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(eventTime)); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	return e.control.Flush()
}

package session

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// Times of an event stream.
const (
	keepAlive  = 15 * time.Second     // a comment, so that proxies keep the connection
	guardEvery = 2 * time.Second      // rights are asked for again: a revoked caller is out within 5 s
	writeTime  = 10 * time.Second     // a client that takes nothing for so long is dropped
	coalesce   = 3 * time.Millisecond // changes that come together are shown once
)

// Warning tells the learner that the end is near.
type Warning struct {
	Message  string    `json:"message"`
	Deadline time.Time `json:"deadline"`
}

// events streams the session: the whole of it at once and on every change, warnings, and at last "ended".
func (a *API) events(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
	if _, err := a.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	changed, cancel, err := a.Keepers.subscribe(in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer cancel()
		hctx.SetHeader("Content-Type", "text/event-stream")
		hctx.SetHeader("X-Accel-Buffering", "no")
		w, ok := hctx.BodyWriter().(http.ResponseWriter)
		if !ok {
			return
		}
		st := &stream{api: a, id: in.ID, w: w, control: http.NewResponseController(w)}
		// A stream that fails has lost its reader: there is nobody to tell.
		_ = st.run(ctx, changed)
	}}, nil
}

type stream struct {
	api     *API
	id      uuid.UUID
	w       http.ResponseWriter
	control *http.ResponseController
	warned  time.Time // the deadline that was warned of
}

func (st *stream) run(ctx context.Context, changed <-chan struct{}) error {
	alive, guard := time.NewTicker(keepAlive), time.NewTicker(guardEvery)
	defer alive.Stop()
	defer guard.Stop()
	v, err := st.show(ctx)
	for err == nil && v.EndedAt == nil {
		warn := time.NewTimer(st.untilWarning(v))
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-st.api.Keepers.base.Done():
			err = context.Canceled
		case <-changed:
			v, err = st.show(ctx)
			wait(ctx, coalesce)
		case <-alive.C:
			err = st.write(": alive\n\n")
		case <-guard.C:
			err = st.api.Still(ctx)
		case <-warn.C:
			err = st.warn(v)
		}
		warn.Stop()
	}
	if err == nil {
		err = st.send("ended", struct{}{})
	}
	return err
}

// show sends the session as it is now.
func (st *stream) show(ctx context.Context) (View, error) {
	v, err := st.api.View(ctx, st.id)
	if err != nil {
		return View{}, err
	}
	return v, st.send("session", v)
}

// untilWarning is how long until the learner is warned of the end; far away when that was done already.
func (st *stream) untilWarning(v View) time.Duration {
	if v.Deadline == nil || v.State != Ready || st.warned.Equal(*v.Deadline) {
		return time.Hour
	}
	return time.Until(v.Deadline.Add(-warningBefore))
}

func (st *stream) warn(v View) error {
	if v.Deadline == nil || st.untilWarning(v) > 0 {
		return nil
	}
	st.warned = *v.Deadline
	left := max(time.Minute, time.Until(*v.Deadline).Round(time.Minute))
	return st.send("warning", Warning{
		Message:  fmt.Sprintf("This session ends in %d min. Extend it if you need more time.", int(left.Minutes())),
		Deadline: *v.Deadline,
	})
}

func (st *stream) send(event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return st.write("event: " + event + "\ndata: " + string(text) + "\n\n")
}

func (st *stream) write(text string) error {
	if err := st.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	if _, err := st.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	return st.control.Flush()
}

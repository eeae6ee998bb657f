package session

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// Times of an event stream.
const (
	guardEvery = 2 * time.Second      // rights are asked for again: a revoked caller is out within 5 s
	coalesce   = 3 * time.Millisecond // changes that come together are shown once
)

// Warning tells the learner that the end is near.
type Warning struct {
	Message  string    `json:"message"`
	Deadline time.Time `json:"deadline"`
}

// events streams the session: the whole of it at once and on every change, warnings, and at last "ended".
func (a *API) events(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
	if _, err := a.Get(ctx, in.ID); err != nil && !fault.On(fault.EventsOfAnybody) {
		return nil, err
	}
	changed, cancel, err := a.Keepers.subscribe(in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer cancel()
		events, ok := httpx.NewEvents(hctx)
		if !ok {
			return
		}
		st := &stream{Events: events, api: a, id: in.ID}
		// A stream that fails has lost its reader: there is nobody to tell.
		_ = st.run(ctx, changed)
	}}, nil
}

type stream struct {
	*httpx.Events
	api    *API
	id     uuid.UUID
	warned time.Time // the deadline that was warned of
}

func (st *stream) run(ctx context.Context, changed <-chan struct{}) error {
	alive, guard := time.NewTicker(httpx.KeepAlive), time.NewTicker(guardEvery)
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
			err = st.Alive()
		case <-guard.C:
			err = st.api.Still(ctx)
		case <-warn.C:
			err = st.warn(v)
		}
		warn.Stop()
	}
	if err == nil {
		err = st.Send("ended", struct{}{})
	}
	return err
}

// show sends the session as it is now.
func (st *stream) show(ctx context.Context) (View, error) {
	v, err := st.api.View(ctx, st.id)
	if err != nil {
		return View{}, err
	}
	return v, st.Send("session", v)
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
	return st.Send("warning", Warning{
		Message:  fmt.Sprintf("This session ends in %d min. Extend it if you need more time.", int(left.Minutes())),
		Deadline: *v.Deadline,
	})
}

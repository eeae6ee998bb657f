package registration

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Status is a registration as whoever has its token sees it.
type Status struct {
	ID        uuid.UUID           `json:"id"`
	State     Stage               `json:"state" enum:"pending,provisioning,undoing,ready,failed"`
	Title     string              `json:"title"`
	Name      string              `json:"name"`
	Tier      string              `json:"tier"`
	Steps     []workflow.StepView `json:"steps" nullable:"false"`
	Problem   string              `json:"problem,omitempty" doc:"Why it failed"`
	SignIn    string              `json:"signIn,omitempty" doc:"Where this organisation's people sign in, once it is ready"`
	Password  bool                `json:"needsPassword" doc:"The owner has none yet: POST /v1/registrations/enter gives a link to choose one"`
	FirstKey  bool                `json:"firstKey" doc:"The organisation's first API key can be had: POST /v1/registrations/key shows it, once"`
	ExpiresAt time.Time           `json:"expiresAt" doc:"The token is worth nothing from then on"`
}

// Stage is how far a registration is.
type Stage string

// The stages.
const (
	StagePending      Stage = "pending"
	StageProvisioning Stage = "provisioning"
	StageUndoing      Stage = "undoing"
	StageReady        Stage = "ready"
	StageFailed       Stage = "failed"
)

func (s *Service) status(ctx context.Context, row registration) (Status, error) {
	if !row.Workflow.Valid {
		return view(row, workflow.Workflow{}, s.signIn(row.Name)), nil
	}
	w, err := s.Workflows.Get(ctx, row.Workflow.UUID)
	if err != nil {
		return Status{}, err
	}
	return view(row, w, s.signIn(row.Name)), nil
}

// view puts the row and its workflow together. The row says whether people can come in: that is before the last step.
func view(row registration, w workflow.Workflow, signIn string) Status {
	out := Status{ID: row.ID, State: StagePending, Title: row.Title, Name: row.Name, Tier: row.Tier, Steps: []workflow.StepView{}, ExpiresAt: row.expiresAt}
	if !row.Workflow.Valid {
		return out
	}
	for _, step := range w.Steps {
		if step.Name != stepSilo || row.Placement == Silo {
			out.Steps = append(out.Steps, step)
		}
	}
	switch {
	case w.State == workflow.Undoing || w.State == workflow.Stuck:
		out.State, out.Problem = StageUndoing, w.Error
	case w.State == workflow.Undone || w.State == workflow.Cancelled || row.State == Failed:
		out.State, out.Problem = StageFailed, w.Error
	case row.State == Ready:
		out.State, out.SignIn, out.Password = StageReady, signIn, !row.HasPassword
		out.FirstKey = !row.HasPassword && !row.KeyGiven
	default:
		out.State = StageProvisioning
	}
	return out
}

// maxWatchers is how many event streams one registration may have: a few tabs.
const maxWatchers = 4

// watchTime bounds an event stream; browsers connect again by themselves.
const watchTime = 15 * time.Minute

// Watch streams the status as server-sent events named registration until nothing more will happen.
func (s *Service) Watch(ctx context.Context, id uuid.UUID, token string) (*huma.StreamResponse, error) {
	row, err := s.mine(ctx, id, token)
	if err != nil {
		return nil, err
	}
	if !row.Workflow.Valid {
		return nil, errNotProved
	}
	if !s.enlist(id) {
		return nil, errWatchers
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // the stream's context is its request's
		defer s.discharge(id)
		events, ok := httpx.NewEvents(hctx)
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(hctx.Context(), watchTime)
		defer cancel()
		changes := make(chan Status)
		go func() {
			defer close(changes)
			// It ends with ctx, or when the workflow is over.
			_ = s.Workflows.Follow(ctx, row.Workflow.UUID, func(w workflow.Workflow) error { return s.show(ctx, id, w, changes) })
		}()
		// A stream that fails has lost its reader: there is nobody to tell.
		_ = pump(events, changes)
	}}, nil
}

func (s *Service) show(ctx context.Context, id uuid.UUID, w workflow.Workflow, to chan<- Status) error {
	row, err := byID(ctx, s.Pool, id)
	if err != nil {
		return err
	}
	select {
	case to <- view(row, w, s.signIn(row.Name)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func pump(events *httpx.Events, changes <-chan Status) error {
	alive := time.NewTicker(httpx.KeepAlive)
	defer alive.Stop()
	for {
		var err error
		select {
		case now, more := <-changes:
			if !more {
				return events.Send("ended", struct{}{})
			}
			err = events.Send("registration", now)
		case <-alive.C:
			err = events.Alive()
		}
		if err != nil {
			return err
		}
	}
}

func (s *Service) enlist(id uuid.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = map[uuid.UUID]int{}
	}
	if s.watchers[id] >= maxWatchers {
		return false
	}
	s.watchers[id]++
	return true
}

func (s *Service) discharge(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[id]--; s.watchers[id] <= 0 {
		delete(s.watchers, id)
	}
}

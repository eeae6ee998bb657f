package session

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// ProvisioningStep is one step of the start, as the learner sees it.
type ProvisioningStep struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	State     string     `json:"state" enum:"pending,running,done,failed"`
	StartedAt *time.Time `json:"startedAt,omitempty"`
	Duration  int64      `json:"durationMs,omitempty" doc:"Milliseconds"`
	Error     string     `json:"error,omitempty"`
}

// plan is every step of a start in order; the provider reports those that it takes.
func plan(hasSetup bool) []ProvisioningStep {
	steps := []ProvisioningStep{
		{Name: "admission", Title: "A place on the machine"},
		{Name: "rootfs", Title: "File system"},
		{Name: "sandbox", Title: "Sandbox"},
		{Name: "agent", Title: "Connection"},
		{Name: "files", Title: "Files of the lab"},
		{Name: "requires", Title: "Commands that the lab needs"},
	}
	if hasSetup {
		steps = append(steps, ProvisioningStep{Name: "setup", Title: "Preparation"})
	}
	for i := range steps {
		steps[i].State = "pending"
	}
	return steps
}

// progress follows one start and tells of each change. Its steps are kept in memory until the start ends.
type progress struct {
	mu      sync.Mutex
	steps   []ProvisioningStep
	changed func()
}

func newProgress(created time.Time, hasSetup bool, changed func()) *progress {
	p := &progress{steps: plan(hasSetup), changed: changed}
	p.report(sandbox.Step{Name: "admission", Started: created, Ended: time.Now()})
	return p
}

// report records that a step began or ended.
func (p *progress) report(s sandbox.Step) {
	p.mu.Lock()
	for i := range p.steps {
		if p.steps[i].Name == s.Name {
			p.steps[i] = p.steps[i].with(s)
		}
	}
	p.mu.Unlock()
	p.changed()
}

func (ps ProvisioningStep) with(s sandbox.Step) ProvisioningStep {
	ps.State, ps.StartedAt = "running", &s.Started
	if s.Ended.IsZero() {
		return ps
	}
	ps.State, ps.Duration = "done", s.Ended.Sub(s.Started).Milliseconds()
	if s.Err != nil {
		ps.State, ps.Error = "failed", explain(s.Err).Message
	}
	return ps
}

// run reports a step of ours around fn.
func (p *progress) run(name string, fn func() error) error {
	step := sandbox.Step{Name: name, Started: time.Now()}
	p.report(step)
	step.Err = fn()
	step.Ended = time.Now()
	p.report(step)
	return step.Err
}

// snapshot is a copy of the steps. Steps that the provider did not take count as done once the start is over.
func (p *progress) snapshot(over bool) []ProvisioningStep {
	p.mu.Lock()
	defer p.mu.Unlock()
	steps := append([]ProvisioningStep(nil), p.steps...)
	for i := range steps {
		if over && steps[i].State == "pending" {
			steps[i].State = "done"
		}
	}
	return steps
}

// starts are the starts that this process works on, by session. A second job of the same session, such as one that was
// added anew after a restart, finds it claimed and has nothing to do.
type starts struct {
	claims

	mu sync.Mutex
	by map[uuid.UUID]*progress
}

// set lets streams see how far a start is; nil when it is over.
func (s *starts) set(id uuid.UUID, p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[uuid.UUID]*progress{}
	}
	if p == nil {
		delete(s.by, id)
		return
	}
	s.by[id] = p
}

func (s *starts) steps(id uuid.UUID) []ProvisioningStep {
	s.mu.Lock()
	p := s.by[id]
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.snapshot(false)
}

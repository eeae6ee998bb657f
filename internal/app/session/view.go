package session

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
)

// View is a session as the console shows it: everything that changes while it runs.
type View struct {
	ID           uuid.UUID          `json:"id"`
	Lab          LabRef             `json:"lab"`
	State        State              `json:"state" enum:"requested,admitted,provisioning,ready,ending,ended,failed"`
	Reason       *Reason            `json:"reason,omitempty" doc:"Why it failed or ended"`
	Provisioning []ProvisioningStep `json:"provisioning"`
	CreatedAt    time.Time          `json:"createdAt"`
	ReadyAt      *time.Time         `json:"readyAt,omitempty"`
	Deadline     *time.Time         `json:"deadline,omitempty" doc:"When its time is over"`
	IdleAt       *time.Time         `json:"idleAt,omitempty" doc:"When it ends if nothing happens until then"`
	EndedAt      *time.Time         `json:"endedAt,omitempty"`
	Extensions   int                `json:"extensionsLeft"`
	ExtendBy     int                `json:"extendSeconds" doc:"What one extension adds"`
	Completed    bool               `json:"completed" doc:"Every check of every step has passed"`
	Score        int                `json:"score"`
	Points       int                `json:"points" doc:"The most that can be scored"`
	Progress     Progress           `json:"progress"`
	Step         int                `json:"step" doc:"Index of the first step that is not done"`
	Steps        []StepView         `json:"steps"`
	Checks       []CheckView        `json:"checks"`
	Ports        []PortView         `json:"ports"`
	Mine         bool               `json:"mine" doc:"The caller is its learner"`
}

// LabRef names the lab version that a session runs.
type LabRef struct {
	Slug    string `json:"slug"`
	Title   string `json:"title"`
	Version int    `json:"version"`
	Layout  string `json:"layout"`
}

// Progress counts checks.
type Progress struct {
	Passed int `json:"passed"`
	Total  int `json:"total"`
}

// StepView is what changes about a step.
type StepView struct {
	Index    int    `json:"index"`
	Title    string `json:"title"`
	Done     bool   `json:"done"`
	Points   int    `json:"points"`
	Hints    []int  `json:"hintsRevealed"`
	Solution bool   `json:"solutionOffered"`
}

// CheckView is a check with its latest result.
type CheckView struct {
	Step      int         `json:"step"`
	Name      string      `json:"name"`
	State     check.State `json:"state" enum:"blocked,waiting,running,passed,failed,error"`
	Automatic bool        `json:"automatic" doc:"It runs by itself"`
	Message   string      `json:"message,omitempty"`
	Hint      string      `json:"hint,omitempty"`
	Failures  int         `json:"failures"`
	CheckedAt *time.Time  `json:"checkedAt,omitempty"`
}

// PortView is a web port of the lab.
type PortView struct {
	Name string `json:"name"`
	Port int    `json:"port"`
	Open bool   `json:"open" doc:"Something listens on it"`
}

// View returns a session as its learner sees it now.
func (s *Service) View(ctx context.Context, id uuid.UUID) (View, error) {
	found, version, all, err := s.loadWithResults(ctx, policy.SessionUse, id)
	if err != nil {
		return View{}, err
	}
	v := view(found, version, all)
	v.Mine = s.owns(ctx, found)
	if steps := s.Keepers.starts.steps(id); steps != nil && found.State == Provisioning {
		v.Provisioning = steps
	}
	if kept := s.Keepers.get(id); kept != nil && found.State == Ready {
		idleAt, ports := kept.now()
		v.IdleAt = &idleAt
		for i := range v.Ports {
			v.Ports[i].Open = slices.Contains(ports, uint16(v.Ports[i].Port)) //nolint:gosec // the manifest bounds it to 1..65535
		}
	}
	return v, nil
}

func view(found Session, version *lab.Version, all results) View {
	m := version.Manifest
	v := View{
		ID: found.ID, Lab: LabRef{Slug: version.Slug, Title: m.Title, Version: version.Number, Layout: m.Layout},
		State: found.State, Provisioning: found.Provisioning,
		CreatedAt: found.CreatedAt, ReadyAt: found.ReadyAt, Deadline: found.Deadline, EndedAt: found.EndedAt,
		Extensions: maxExtensions - found.Extensions, ExtendBy: int(extendTime(m).Seconds()),
		Step: found.Step, Completed: found.Step >= len(m.Steps) && len(m.Steps) > 0,
		Steps: []StepView{}, Checks: []CheckView{}, Ports: ports(m),
	}
	if found.Reason.Code != "" {
		v.Reason = &found.Reason
	}
	if len(v.Provisioning) == 0 {
		v.Provisioning = plan(m.HasSetup())
	}
	for i, step := range m.Steps {
		v.addStep(found, version, i, step, all)
	}
	return v
}

func (v *View) addStep(found Session, version *lab.Version, i int, step manifest.Step, all results) {
	sv := StepView{
		Index: i, Title: step.Title, Done: i < found.Step, Points: step.Points,
		Hints: found.Hints[i], Solution: offered(found, version, i, all),
	}
	if sv.Hints == nil {
		sv.Hints = []int{}
	}
	v.Steps = append(v.Steps, sv)
	v.Points += step.Points
	if sv.Done {
		v.Score += max(0, step.Points-cost(step, sv.Hints))
	}
	for _, c := range step.Checks {
		v.addCheck(found, i, CheckView{Name: c.Name, Automatic: c.Every > 0, Hint: c.Hint}, all, all.blocked(i, c))
	}
	if len(step.Quiz) > 0 {
		v.addCheck(found, i, CheckView{Name: check.Quiz}, all, false)
	}
}

func (v *View) addCheck(found Session, step int, cv CheckView, all results, blocked bool) {
	r, ran := all[check.Key{Step: step, Name: cv.Name}]
	cv.Step, cv.Failures, cv.Message = step, r.Failures, r.Message
	switch {
	case ran:
		cv.State, cv.CheckedAt = r.State, &r.CheckedAt
	case blocked || step > found.Step:
		cv.State = check.Blocked
	default:
		cv.State = check.Waiting
	}
	v.Progress.Total++
	if cv.State == check.Passed {
		v.Progress.Passed++
	}
	v.Checks = append(v.Checks, cv)
}

// cost of the hints that were revealed.
func cost(step manifest.Step, revealed []int) (sum int) {
	for _, h := range revealed {
		if h >= 0 && h < len(step.Hints) {
			sum += step.Hints[h].Cost
		}
	}
	return sum
}

func ports(m *manifest.Lab) []PortView {
	list := []PortView{}
	for _, p := range m.Ports() {
		list = append(list, PortView{Name: p.Name, Port: p.Port})
	}
	return list
}

func extendTime(m *manifest.Lab) time.Duration {
	if m.Extend > 0 {
		return m.Extend
	}
	return defaultExtendTime
}

// idleTime is how long a session lives without activity: as its lab says, but no longer than the installation allows.
func (s *Service) idleTime(m *manifest.Lab) time.Duration {
	idle := m.Idle
	if idle <= 0 {
		idle = defaultIdle
	}
	if s.MaxIdle > 0 {
		idle = min(idle, s.MaxIdle)
	}
	return idle
}

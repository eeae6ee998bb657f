// Package session runs labs: one learner's run of one lab version, from Start to the end of its environment. The row is
// the truth; jobs move it and can be run twice; every state has a deadline, so that a reaper frees what a crash left.
package session

import (
	"context"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// State of a session.
type State string

// The states: requested -> admitted -> provisioning -> ready -> ending -> ended, or failed.
const (
	Requested    State = "requested"
	Admitted     State = "admitted"
	Provisioning State = "provisioning"
	Ready        State = "ready"
	Ending       State = "ending"
	Ended        State = "ended"
	Failed       State = "failed"
)

// Alive tells whether the session has, or will have, an environment that its learner can use.
func (s State) Alive() bool {
	return s == Requested || s == Admitted || s == Provisioning || s == Ready
}

// Errors of sessions.
var (
	ErrNotFound    = errs.NotFound("session_not_found", "There is no such session.")
	ErrNotReady    = errs.Conflict("session_not_ready", "The lab is not running. Start it again from the catalogue.")
	ErrNoExtension = errs.Conflict("no_extension_left", "This session cannot be extended any further.")
	ErrNotOffered  = errs.Conflict("solution_not_offered", "The solution is offered after three failed checks or five minutes on the step.")
	ErrNoStep      = errs.NotFound("step_not_found", "The lab has no such step, check, hint or port.")
	ErrNotYet      = errs.Conflict("check_blocked", "Something else must be done first: finish the steps before this one.")
	ErrStreams     = errs.Limited("too_many_streams", "This session is open in too many places. Close some of them.")
	ErrUnreachable = errs.Unavailable("environment_unreachable", "The lab does not answer at the moment. Try again in a few seconds.")
)

// Limits of every session.
const (
	maxExtensions     = 2
	provisionTime     = 5 * time.Minute  // deadline of provisioning, the setup included
	endingTime        = 2 * time.Minute  // after it the reaper tries again
	warningBefore     = 5 * time.Minute  // the learner is told that the end is near
	solutionAfter     = 5 * time.Minute  // on one step
	solutionFailures  = 3                // failed runs of a check by the button
	defaultIdle       = 15 * time.Minute // when the lab does not say
	defaultExtendTime = 15 * time.Minute
)

// Reason says why a session ended or failed: a code for programs and a sentence for people.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Session is one row.
type Session struct {
	ID           uuid.UUID
	User         uuid.UUID
	LabID        uuid.UUID
	Version      uuid.UUID
	Environment  uuid.UUID
	Host         string
	State        State
	Reason       Reason
	Provisioning []ProvisioningStep
	Env          map[string]string
	CreatedAt    time.Time
	ReadyAt      *time.Time
	Deadline     *time.Time
	EndedAt      *time.Time
	Extensions   int
	Step         int // the first step that is not done
	StepSince    time.Time
	Hints        map[int][]int // step to the hints that were revealed
	Slug         string        // of its lab
	Tags         []string      // of its lab, as the latest version has them
}

// Resource implements tenancy.Resource.
func (s Session) Resource() tenancy.Entity {
	return tenancy.Entity{Kind: "Session", ID: s.ID.String(), Attributes: map[string]any{
		"owner": s.User, "lab": s.Slug, "tags": s.Tags, "state": string(s.State),
	}}
}

// Sandbox is the id that the provider knows the session's environment by.
func (s Session) Sandbox() string { return hex.EncodeToString(s.Environment[:]) }

// Admission asks for a place for a session's environment.
type Admission struct {
	Environment uuid.UUID
	Session     uuid.UUID
	Tenant      uuid.UUID
	User        uuid.UUID
	Lab         string
}

// Environments is what a session needs of the control plane: a place on a host, kept and given back.
type Environments interface {
	Admit(ctx context.Context, a Admission) (host string, err error)
	Move(ctx context.Context, environment uuid.UUID, to State, deadline time.Time) error
	Remove(ctx context.Context, environment uuid.UUID) error  // with its sandbox
	Release(ctx context.Context, environment uuid.UUID) error // it never had a sandbox
}

// Service starts, follows and ends sessions.
type Service struct {
	DB           *db.DB
	Labs         *lab.Service
	Environments Environments
	Provider     sandbox.Provider
	Jobs         *job.Client
	Keepers      *Keepers
	// Room tells whether the tenant's plan has room for one more session, beside so many that run in the tenant and so many
	// of the learner's own; nil: there is no bound.
	Room    func(ctx context.Context, tenant uuid.UUID, running, own int64) error
	MaxIdle time.Duration // a session without activity ends after it, whatever its lab says; 0: as the lab says
	Log     *slog.Logger
}

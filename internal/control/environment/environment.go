// Package environment is the provider's view of what runs: which environment of which tenant is on which host, in which
// state and until when. It admits new ones while the host has room and reaps what nobody ended. It sees no content.
package environment

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// State of an environment.
type State string

// The states. A row that is gone has ended.
const (
	Admitted     State = "admitted"
	Provisioning State = "provisioning"
	Ready        State = "ready"
	Ending       State = "ending"
)

// ErrNoCapacity is the answer to an admission when the host is full.
var ErrNoCapacity = errs.Unavailable("no_capacity", "All places for labs are taken. Try again in a few minutes.")

// Environment is one row: what runs for which session, on which host, until when.
type Environment struct {
	ID        uuid.UUID
	Tenant    uuid.UUID
	Session   uuid.UUID
	User      uuid.UUID
	Lab       string // slug
	Host      string
	State     State
	Deadline  time.Time
	CreatedAt time.Time
}

// SandboxID is the id that the provider knows the environment by.
func SandboxID(id uuid.UUID) string { return hex.EncodeToString(id[:]) }

// Service admits, tracks and reaps the environments of one host.
type Service struct {
	Pool     *pgxpool.Pool // of the control role
	Host     string
	Capacity int // how many may run on this host at once
	Provider sandbox.Provider
	Log      *slog.Logger
	// Expired ends the session that an environment belongs to, with its environment; ErrUnknownSession when there is none.
	Expired func(ctx context.Context, e Environment, reason Reason) error
}

// Reason says why the reaper ends an environment.
type Reason string

// The reasons of the reaper.
const (
	ReasonDeadline Reason = "deadline"
	ReasonLost     Reason = "lost" // the sandbox is gone although nobody ended it
)

// ErrUnknownSession is returned by Expired when no session has the environment: a crash between admission and session.
var ErrUnknownSession = errors.New("environment: no such session")

// admissionTime is how long an admitted environment may wait for its job before the reaper frees its place.
const admissionTime = 2 * time.Minute

// Admit takes a place on this host for e and sets its host, state and deadline. It answers ErrNoCapacity when full.
func (s *Service) Admit(ctx context.Context, e Environment) (Environment, error) {
	e.Host, e.State, e.Deadline = s.Host, Admitted, time.Now().Add(admissionTime)
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		used, err := lockAndCount(ctx, tx, s.Host)
		if err != nil {
			return err
		}
		if used >= s.Capacity {
			return ErrNoCapacity.Because("All %d places for labs on this machine are taken. Try again in a few minutes.", s.Capacity)
		}
		return insert(ctx, tx, e)
	})
	return e, err
}

// Move sets the state of an environment and until when it may stay in it.
func (s *Service) Move(ctx context.Context, id uuid.UUID, to State, deadline time.Time) error {
	return move(ctx, s.Pool, id, to, deadline)
}

// Remove destroys the environment and then frees its place. It can be repeated.
func (s *Service) Remove(ctx context.Context, id uuid.UUID) error {
	if err := s.Provider.Destroy(ctx, SandboxID(id)); err != nil {
		return fmt.Errorf("destroy environment %s: %w", id, err)
	}
	return remove(ctx, s.Pool, id)
}

// Release frees the place of an environment that was admitted but never provisioned.
func (s *Service) Release(ctx context.Context, id uuid.UUID) error { return remove(ctx, s.Pool, id) }

// OnHost lists the environments of this host, the oldest first.
func (s *Service) OnHost(ctx context.Context) ([]Environment, error) {
	return readAll(ctx, s.Pool, s.Host)
}

package environment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Reap puts the rows of this host and what really runs on it back in agreement: it ends what is past its deadline or
// whose sandbox is gone, and destroys sandboxes that no row speaks of. It touches no other host's.
func (s *Service) Reap(ctx context.Context) error {
	// The rows are read around the list of what runs: a sandbox is lost only if its row said ready before the list was
	// taken, and nobody's only if it has no row afterwards (a row is there before its sandbox and goes after it).
	before, err := s.OnHost(ctx)
	if err != nil {
		return err
	}
	running, err := s.Provider.List(ctx)
	if err != nil {
		return fmt.Errorf("list sandboxes: %w", err)
	}
	rows, err := s.OnHost(ctx)
	if err != nil {
		return err
	}
	alive := make(map[uuid.UUID]bool, len(rows))
	for _, e := range before {
		alive[e.ID] = e.State != Ready || slices.Contains(running, SandboxID(e.ID))
	}
	var all []error
	known := make(map[string]bool, len(rows))
	for _, e := range rows {
		known[SandboxID(e.ID)] = true
		seen, old := alive[e.ID]
		if reason, due := due(e, seen || !old); due {
			all = append(all, s.expire(ctx, e, reason))
		}
	}
	for _, id := range running {
		if !known[id] {
			s.Log.WarnContext(ctx, "destroying a sandbox that no session owns", "environment", id)
			all = append(all, s.Provider.Destroy(ctx, id))
		}
	}
	return errors.Join(all...)
}

func due(e Environment, alive bool) (Reason, bool) {
	switch {
	case time.Now().After(e.Deadline):
		return ReasonDeadline, true
	case e.State == Ready && !alive:
		return ReasonLost, true
	}
	return "", false
}

func (s *Service) expire(ctx context.Context, e Environment, reason Reason) error {
	err := s.Expired(ctx, e, reason)
	if errors.Is(err, ErrUnknownSession) {
		s.Log.WarnContext(ctx, "removing an environment that has no session", "environment", e.ID)
		return s.Remove(ctx, e.ID)
	}
	return err
}

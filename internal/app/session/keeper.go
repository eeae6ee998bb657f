package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Keepers follow the running sessions of this host, one goroutine each: they run automatic checks, notice that nothing
// happens any more, and end what is over. They also tell event streams that a session changed.
type Keepers struct {
	broker
	starts   starts
	settling claims // sessions that move on to their next step

	base   context.Context //nolint:containedctx // the life of the process, which keepers share and requests do not
	cancel context.CancelFunc
	group  sync.WaitGroup
	mu     sync.Mutex
	by     map[uuid.UUID]*keeper
}

// NewKeepers returns keepers that stop when ctx ends or Close is called.
func NewKeepers(ctx context.Context) *Keepers {
	k := &Keepers{by: map[uuid.UUID]*keeper{}}
	k.base, k.cancel = context.WithCancel(ctx)
	return k
}

// Close stops following sessions and waits until every keeper has ended. Their environments go on.
func (k *Keepers) Close() {
	k.mu.Lock()
	k.cancel()
	k.mu.Unlock()
	k.group.Wait()
}

// Following is how many sessions this process follows.
func (k *Keepers) Following() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.by)
}

// keep starts to follow a session of the tenant in ctx, unless it is followed already.
func (k *Keepers) keep(ctx context.Context, s *Service, id uuid.UUID) { //nolint:contextcheck // a keeper lives as long as the process, not as the request that began it
	scope, ok := tenancy.From(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, follows := k.by[id]; follows || !ok || k.base.Err() != nil {
		return
	}
	own, cancel := context.WithCancel(tenancy.System(k.base, scope.Tenant))
	kept := &keeper{service: s, session: id, cancel: cancel, woken: make(chan struct{}, 1), active: time.Now()}
	k.by[id] = kept
	k.group.Go(func() {
		defer cancel()
		kept.follow(own)
		k.forget(id, kept)
	})
}

func (k *Keepers) forget(id uuid.UUID, kept *keeper) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by[id] == kept {
		delete(k.by, id)
	}
}

func (k *Keepers) get(id uuid.UUID) *keeper {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.by[id]
}

// drop stops following a session.
func (k *Keepers) drop(id uuid.UUID) {
	if kept := k.get(id); kept != nil {
		kept.cancel()
	}
}

// wake makes the keeper read its session again: something about it was changed from outside.
func (k *Keepers) wake(id uuid.UUID) {
	if kept := k.get(id); kept != nil {
		select {
		case kept.woken <- struct{}{}:
		default:
		}
	}
}

// keeper follows one session.
type keeper struct {
	service *Service
	session uuid.UUID
	cancel  context.CancelFunc
	woken   chan struct{}

	schedule check.Schedule // used by follow's goroutine alone

	mu     sync.Mutex
	idle   time.Duration // without activity the session ends after it
	active time.Time     // when somebody last did something
	busy   bool          // a foreground job runs in a terminal
	ports  []uint16      // that are listened on
}

// retryAfter is how long a keeper waits after an error before it looks again.
const retryAfter = time.Second

func (k *keeper) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := k.watch(ctx)
		if errors.Is(err, errOver) {
			return
		}
		if err != nil && ctx.Err() == nil {
			k.service.Log.WarnContext(ctx, "following a session", "session", k.session, "error", err)
		}
		wait(ctx, retryAfter)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// errOver ends a keeper: its session no longer runs.
var errOver = errors.New("session: over")

// watch follows the session until its environment stops reporting, or an error.
func (k *keeper) watch(ctx context.Context) error {
	found, version, err := k.load(ctx)
	if err != nil {
		return err
	}
	activity, err := k.service.Provider.Watch(ctx, found.Sandbox())
	if errors.Is(err, sandbox.ErrNotFound) {
		return errors.Join(errOver, k.service.end(ctx, policy.SessionSystem, k.session, endedLost))
	}
	if err != nil {
		return err
	}
	for {
		if err := k.runDue(ctx, found, version); err != nil {
			return err
		}
		timer := time.NewTimer(time.Until(k.nextLook(found)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case a, open := <-activity:
			timer.Stop()
			if !open {
				return nil
			}
			if a.Gone {
				return errors.Join(errOver, k.service.end(ctx, policy.SessionSystem, k.session, endedLost))
			}
			k.note(a)
		case <-k.woken:
			timer.Stop()
			if found, version, err = k.load(ctx); err != nil {
				return err
			}
		case <-timer.C:
			if err := k.endIfOver(ctx, found); err != nil {
				return err
			}
		}
	}
}

// load reads the session and schedules the checks that can run now.
func (k *keeper) load(ctx context.Context) (Session, *lab.Version, error) {
	found, version, results, err := k.service.loadWithResults(ctx, policy.SessionSystem, k.session)
	if errors.Is(err, ErrNotFound) || (err == nil && found.State != Ready) {
		return Session{}, nil, errOver
	}
	if err != nil {
		return Session{}, nil, err
	}
	k.mu.Lock()
	k.idle = k.service.idleTime(version.Manifest)
	k.mu.Unlock()
	if found.Step < len(version.Manifest.Steps) && results.done(found.Step, version.Manifest.Steps[found.Step]) {
		// Its last check passed, but something came between that and the next step.
		return found, version, k.service.settle(ctx, k.session, version)
	}
	k.schedule.Set(time.Now(), automatic(version.Manifest, found.Step, results))
	return found, version, nil
}

// note takes in what happened in the environment.
func (k *keeper) note(a sandbox.Activity) {
	now := time.Now()
	if a.Keys || a.Files || a.Port {
		k.schedule.Activity(now)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	portsChanged := len(a.Ports) != len(k.ports)
	if a.Keys || a.Port || a.Busy || k.busy {
		k.active = now
	}
	k.busy, k.ports = a.Busy, a.Ports
	if portsChanged {
		k.service.Keepers.publish(k.session)
	}
}

// Touch tells that somebody uses the session's web ports, which the environment itself may not see.
func (k *Keepers) Touch(id uuid.UUID) {
	if kept := k.get(id); kept != nil {
		kept.mu.Lock()
		kept.active = time.Now()
		kept.mu.Unlock()
	}
}

// now is when the session ends if nothing happens, and the ports that are listened on.
func (k *keeper) now() (idleAt time.Time, ports []uint16) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy {
		k.active = time.Now()
	}
	return k.active.Add(k.idle), k.ports
}

// nextLook is when a check is due, the session is idle, or its time is over, whatever comes first.
func (k *keeper) nextLook(found Session) time.Time {
	next, _ := k.now()
	if found.Deadline != nil && found.Deadline.Before(next) {
		next = *found.Deadline
	}
	if due, ok := k.schedule.Next(); ok && due.Before(next) {
		next = due
	}
	return next
}

func (k *keeper) endIfOver(ctx context.Context, found Session) error {
	idleAt, _ := k.now()
	now := time.Now()
	switch {
	case found.Deadline != nil && !now.Before(*found.Deadline):
		return errors.Join(errOver, k.service.end(ctx, policy.SessionSystem, k.session, endedByTime))
	case !now.Before(idleAt):
		return errors.Join(errOver, k.service.end(ctx, policy.SessionSystem, k.session, endedIdle))
	}
	return nil
}

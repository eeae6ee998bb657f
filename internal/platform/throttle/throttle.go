// Package throttle slows down guessing: each failure beyond a few free ones makes the next try wait longer. It counts in
// the memory that all processes share, where there is one; without it, and while it is away, in that of the process, so that
// several processes allow several times as many tries.
package throttle

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"
)

// Rule says how failures slow down further tries.
type Rule struct {
	Free   int           // failures that cost nothing
	First  time.Duration // the wait after the first failure beyond; it doubles with each further one
	Max    time.Duration // the longest wait
	Forget time.Duration // a key without tries for so long starts anew
	Heal   time.Duration // how long it takes to forgive one failure; 0: none is before all are
}

// wait is how long to wait after so many failures.
func (r Rule) wait(failures int) time.Duration {
	over := failures - r.Free
	if over <= 0 {
		return 0
	}
	wait := r.First
	for range over - 1 {
		if wait *= 2; wait >= r.Max {
			return r.Max
		}
	}
	return min(wait, r.Max)
}

// until is when the wait is over after so many failures, the last of them at a time; zero when there is none.
func (r Rule) until(last time.Time, failures int) time.Time {
	wait := r.wait(failures)
	if wait <= 0 {
		return time.Time{}
	}
	return last.Add(wait)
}

// Throttle counts the failures of at most size keys; it forgets those that were tried longest ago.
type Throttle struct {
	now    func() time.Time
	size   int
	seed   maphash.Seed
	shared *Shared // nil: there is none

	mu      sync.Mutex
	entries map[uint64]*list.Element
	order   *list.List // of *entry, the most recently tried first
}

type entry struct {
	key      uint64
	failures int
	last     time.Time
	healed   time.Time // up to when failures were forgiven
	until    time.Time
}

// New returns a Throttle. now is the clock.
func New(size int, now func() time.Time) *Throttle {
	return &Throttle{now: now, size: size, seed: maphash.MakeSeed(), entries: map[uint64]*list.Element{}, order: list.New()}
}

// In returns a Throttle that counts in a shared memory, under a name that no other one has; without a memory it is New.
func In(shared *Shared, name string, size int, now func() time.Time) *Throttle {
	t := New(size, now)
	if shared != nil {
		t.shared = shared.named(name)
	}
	return t
}

// Key is something that is counted: an account, an address, or both together.
type Key struct {
	Name string
	Rule Rule
}

// Try counts a try as failed for every key, or says how long to wait first. It is called before the work, so that many
// tries at once do not all count as the first; Forgive takes it back when the try turns out right.
func (t *Throttle) Try(keys ...Key) (wait time.Duration) {
	if wait, ok := t.shared.ask(opTry, t.now(), keys); ok {
		return wait
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	entries := make([]*entry, len(keys))
	for i, k := range keys {
		entries[i] = t.entry(k, now)
		wait = max(wait, entries[i].left(k.Rule, now))
	}
	if wait > 0 {
		return wait
	}
	for i, e := range entries {
		e.failures++
		e.last = now
		e.until = keys[i].Rule.until(now, e.failures)
	}
	return 0
}

// Wait says how long a try of these keys would have to wait, and counts none. It suits work that seldom fails and comes
// many times at once: Try then counts what has failed.
func (t *Throttle) Wait(keys ...Key) (wait time.Duration) {
	if wait, ok := t.shared.ask(opWait, t.now(), keys); ok {
		return wait
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, k := range keys {
		if el, ok := t.entries[t.hash(k)]; ok {
			wait = max(wait, el.Value.(*entry).left(k.Rule, now)) //nolint:errcheck,forcetypeassert // the list holds nothing else
		}
	}
	return wait
}

// Forgive takes the last try of these keys back.
func (t *Throttle) Forgive(keys ...Key) {
	t.shared.ask(opForgive, t.now(), keys) // and here, what was counted while the shared memory was away
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if el, ok := t.entries[t.hash(k)]; ok {
			e := el.Value.(*entry) //nolint:errcheck,forcetypeassert // the list holds nothing else
			e.failures = max(0, e.failures-1)
			e.until = k.Rule.until(e.last, e.failures)
		}
	}
}

// Reset forgets these keys.
func (t *Throttle) Reset(keys ...Key) {
	t.shared.ask(opReset, t.now(), keys) // and here, what was counted while the shared memory was away
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if el, ok := t.entries[t.hash(k)]; ok {
			t.drop(el)
		}
	}
}

func (t *Throttle) hash(k Key) uint64 { return maphash.String(t.seed, k.Name) }

func (t *Throttle) entry(k Key, now time.Time) *entry {
	key := t.hash(k)
	if el, ok := t.entries[key]; ok {
		t.order.MoveToFront(el)
		e := el.Value.(*entry) //nolint:errcheck,forcetypeassert // the list holds nothing else
		if now.Sub(e.last) > k.Rule.Forget && now.After(e.until) {
			*e = entry{key: key, last: now, healed: now}
		}
		e.heal(k.Rule, now)
		return e
	}
	for len(t.entries) >= t.size {
		t.drop(t.order.Back())
	}
	e := &entry{key: key, last: now, healed: now}
	t.entries[key] = t.order.PushFront(e)
	return e
}

func (t *Throttle) drop(el *list.Element) {
	delete(t.entries, el.Value.(*entry).key) //nolint:errcheck,forcetypeassert // the list holds nothing else
	t.order.Remove(el)
}

// left is how long to wait still: never longer than the rule's longest wait, so that a clock that is set back, or that of
// another process which is ahead, keeps nobody out.
func (e *entry) left(r Rule, now time.Time) time.Duration { return min(e.until.Sub(now), r.Max) }

// heal forgives what time has.
func (e *entry) heal(r Rule, now time.Time) {
	if r.Heal <= 0 {
		return
	}
	n := int(now.Sub(e.healed) / r.Heal)
	if n <= 0 {
		return
	}
	e.failures = max(0, e.failures-n)
	e.healed = e.healed.Add(time.Duration(n) * r.Heal)
}

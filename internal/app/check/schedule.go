package check

import "time"

// slowest is how far the checks of a quiet environment back off.
const slowest = 30 * time.Second

// Schedule decides when automatic checks run: soon after something happened in the environment, at most once per
// interval of each check, and ever more rarely, down to every 30 s, while nothing happens. It is not safe for concurrent use.
type Schedule struct {
	items map[Key]*item
}

type item struct {
	every time.Duration // the least time between two runs
	pause time.Duration // the present time between two runs
	last  time.Time     // end of the last run
	next  time.Time
	quiet bool // nothing happened since the last run began
}

// Set replaces the checks that are scheduled, with the least time between runs of each. Those that stay keep their times.
func (s *Schedule) Set(now time.Time, checks map[Key]time.Duration) {
	items := make(map[Key]*item, len(checks))
	for key, every := range checks {
		if old, ok := s.items[key]; ok {
			items[key] = old
			continue
		}
		items[key] = &item{every: every, pause: every, next: now}
	}
	s.items = items
}

// Activity tells that something happened: every check is due as soon as its interval allows.
func (s *Schedule) Activity(now time.Time) {
	for _, i := range s.items {
		i.quiet, i.pause = false, i.every
		soon := i.last.Add(i.every)
		if soon.Before(now) {
			soon = now
		}
		if soon.Before(i.next) {
			i.next = soon
		}
	}
}

// Begin tells that a check starts to run; what happens from now on may change its result.
func (s *Schedule) Begin(key Key) {
	if i, ok := s.items[key]; ok {
		i.quiet = true
	}
}

// End tells that a check has run. Its time counts: a check that takes 5 s does not run all the time.
func (s *Schedule) End(key Key, now time.Time) {
	i, ok := s.items[key]
	if !ok {
		return
	}
	if i.quiet && !i.last.IsZero() {
		i.pause = min(2*i.pause, max(slowest, i.every))
	}
	i.last, i.next = now, now.Add(i.pause)
}

// Due lists the checks that should run now.
func (s *Schedule) Due(now time.Time) []Key {
	var due []Key
	for key, i := range s.items {
		if !i.next.After(now) {
			due = append(due, key)
		}
	}
	return due
}

// Next is when the next check is due; ok is false when none is scheduled.
func (s *Schedule) Next() (next time.Time, ok bool) {
	for _, i := range s.items {
		if !ok || i.next.Before(next) {
			next, ok = i.next, true
		}
	}
	return next, ok
}

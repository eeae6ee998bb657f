package check_test

import (
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/check"
)

var key = check.Key{Step: 0, Name: "file"} //nolint:gochecknoglobals // a constant that Go has no constants for

func run(s *check.Schedule, now time.Time) {
	s.Begin(key)
	s.End(key, now)
}

func TestChecksBackOffWhileNothingHappens(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var s check.Schedule
	s.Set(now, map[check.Key]time.Duration{key: 2 * time.Second})
	if due := s.Due(now); len(due) != 1 {
		t.Fatalf("a new check must run at once, due: %v", due)
	}
	var gaps []time.Duration
	for range 7 {
		run(&s, now)
		next, _ := s.Next()
		gaps = append(gaps, next.Sub(now))
		now = next
	}
	want := []int{2, 4, 8, 16, 30, 30, 30}
	for i := range want {
		if int(gaps[i].Seconds()) != want[i] {
			t.Fatalf("pauses %v, want %v seconds", gaps, want)
		}
	}
}

func TestActivityBringsACheckForwardButNotBelowItsInterval(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var s check.Schedule
	s.Set(now, map[check.Key]time.Duration{key: 2 * time.Second})
	for range 6 {
		run(&s, now)
		now, _ = s.Next()
	}
	run(&s, now)
	s.Activity(now.Add(time.Second))
	if next, _ := s.Next(); !next.Equal(now.Add(2 * time.Second)) {
		t.Errorf("next %v after the last run, want 2s", next.Sub(now))
	}
	s.Activity(now.Add(10 * time.Second))
	if next, _ := s.Next(); next.After(now.Add(10 * time.Second)) {
		t.Errorf("next %v after the last run, want at once", next.Sub(now))
	}
}

func TestActivityDuringARunIsNotLost(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var s check.Schedule
	s.Set(now, map[check.Key]time.Duration{key: 2 * time.Second})
	run(&s, now)
	s.Begin(key)
	s.Activity(now.Add(3 * time.Second))
	s.End(key, now.Add(4*time.Second))
	if next, _ := s.Next(); !next.Equal(now.Add(6 * time.Second)) {
		t.Errorf("next %v, want one interval after the run", next.Sub(now))
	}
}

func TestSetKeepsTimesAndForgetsTheRest(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	other := check.Key{Step: 1, Name: "next"}
	var s check.Schedule
	s.Set(now, map[check.Key]time.Duration{key: 2 * time.Second})
	run(&s, now)
	s.Set(now, map[check.Key]time.Duration{key: 2 * time.Second, other: time.Second})
	if due := s.Due(now); len(due) != 1 || due[0] != other {
		t.Errorf("due %v, want the new check only", due)
	}
	s.Set(now, nil)
	if _, ok := s.Next(); ok {
		t.Error("nothing is scheduled, but something is due")
	}
}

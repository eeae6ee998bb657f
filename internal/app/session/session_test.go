package session_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

func checkOf(v session.View, name string) session.CheckView {
	for _, c := range v.Checks {
		if c.Name == name {
			return c
		}
	}
	return session.CheckView{}
}

func TestALabFromStartToEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	for _, s := range v.Provisioning {
		if s.State != "done" {
			t.Errorf("step %s of the start is %s", s.Name, s.State)
		}
	}
	if got, err := f.sessions.Get(ctx, v.ID); err != nil || got.Env["FRUIT"] != "mango" {
		t.Errorf("what the setup wrote: %v, %v", got.Env, err)
	}
	v = f.until(ctx, v.ID, "checked once", func(v session.View) bool { return checkOf(v, "made").State == check.Failed })
	if c := checkOf(v, "made"); c.Message != "There is no file named one." || !c.Automatic || c.Failures != 0 {
		t.Errorf("an automatic check: %+v", c)
	}
	if c := checkOf(v, "then"); c.State != check.Blocked {
		t.Errorf("a check that needs another: %+v", c)
	}
	f.shell(ctx, v.ID, "touch ~/one")
	f.until(ctx, v.ID, "unblocked", func(v session.View) bool { return checkOf(v, "then").State == check.Failed })
	f.shell(ctx, v.ID, "rm ~/one; touch ~/two")
	v = f.until(ctx, v.ID, "at the second step", func(v session.View) bool { return v.Step == 1 })
	if !v.Steps[0].Done || checkOf(v, "made").State != check.Passed || v.Score != 5 {
		t.Errorf("done is not done: %+v", v)
	}
	if _, err := f.sessions.Answer(ctx, v.ID, 1, [][]int{{1}}); err != nil {
		t.Error(err)
	}
	if right, err := f.sessions.Answer(ctx, v.ID, 1, [][]int{{3, 1}}); err != nil || !right[0] {
		t.Errorf("the right answers: %v, %v", right, err)
	}
	f.shell(ctx, v.ID, "touch ~/three")
	f.until(ctx, v.ID, "complete", func(v session.View) bool {
		err := f.sessions.RunCheck(ctx, v.ID, check.Key{Step: 1, Name: "asked"})
		return v.Completed || errors.Is(err, session.ErrNotYet)
	})
	v = f.until(ctx, v.ID, "complete", func(v session.View) bool { return v.Completed })
	if v.Score != 8 || v.Points != 8 || v.Progress.Passed != v.Progress.Total {
		t.Errorf("score %d of %d, %+v", v.Score, v.Points, v.Progress)
	}
	report := filepath.Join(t.TempDir(), "report")
	f.shell(ctx, v.ID, "echo cleaned > ~/one; echo "+report+" > ~/report")
	f.until(ctx, v.ID, "told", func(session.View) bool { return f.has(v.ID, "~/report") })
	if _, err := f.sessions.End(ctx, v.ID); err != nil {
		t.Fatal(err)
	}
	v = f.until(ctx, v.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if text, err := os.ReadFile(report); err != nil || string(text) != "cleaned\n" {
		t.Errorf("the lab's cleanup did not run: %q, %v", text, err)
	}
	if v.EndedAt == nil || v.Reason == nil || v.Reason.Code != "ended" {
		t.Errorf("the end: %+v", v.Reason)
	}
	f.gone()
}

func TestStartingAgainReturnsToTheRunningSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	var group sync.WaitGroup
	ids := make([]uuid.UUID, 8)
	for i := range ids {
		group.Go(func() {
			started, _, err := f.sessions.Start(ctx, "errands")
			if err != nil && !errors.Is(err, errFull) {
				t.Error(err)
			}
			ids[i] = started.ID
		})
	}
	group.Wait()
	first := uuid.Nil
	for _, id := range ids {
		if id == uuid.Nil {
			continue
		}
		if first == uuid.Nil {
			first = id
		}
		if id != first {
			t.Errorf("two sessions of one lab: %s and %s", first, id)
		}
	}
	f.until(ctx, first, "ready", func(v session.View) bool { return v.State == session.Ready })
	if n := f.places.taken(); n != 1 {
		t.Errorf("%d places are taken, want 1", n)
	}
	if _, created, err := f.sessions.Start(ctx, "errands"); err != nil || created {
		t.Errorf("created %v, %v", created, err)
	}
	over, err := f.sessions.Restart(ctx, first)
	if err != nil || over.ID == first {
		t.Errorf("starting over: %v, %v", over.ID, err)
	}
	f.until(ctx, first, "ended", func(v session.View) bool { return v.State == session.Ended })
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step string
		err  error
		code string
	}{
		"a broken machine": {"sandbox", errors.New("no more memory"), "start_failed"},
		"missing commands": {"requires", &sandbox.RequiresError{Image: "toolbox", Missing: []string{"git"}}, "image_lacks_commands"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx := f.member(tenancy.RoleLearner)
			f.sandbox.FailAt(c.step, c.err)
			started, _, err := f.sessions.Start(ctx, "errands")
			if err != nil {
				t.Fatal(err)
			}
			v := f.until(ctx, started.ID, "failed", func(v session.View) bool { return v.State == session.Failed })
			if v.Reason == nil || v.Reason.Code != c.code {
				t.Errorf("reason %+v, want %s", v.Reason, c.code)
			}
			for _, s := range v.Provisioning {
				if s.Name == c.step && s.State != "failed" {
					t.Errorf("the step that failed is %s", s.State)
				}
			}
			f.until(ctx, started.ID, "free of its place", func(session.View) bool { return f.places.taken() == 0 })
			f.gone()
			f.sandbox.FailAt(c.step, nil)
			f.run(ctx)
		})
	}
}

func TestAFullMachineSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.places.capacity = 1
	f.run(f.member(tenancy.RoleLearner))
	_, _, err := f.sessions.Start(f.member(tenancy.RoleLearner), "errands")
	wantError(t, err, errFull)
}

func TestEndingWhileItStarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	release := f.sandbox.Hold()
	started, _, err := f.sessions.Start(ctx, "errands")
	if err != nil {
		t.Fatal(err)
	}
	f.until(ctx, started.ID, "provisioning", func(v session.View) bool { return v.State == session.Provisioning })
	if _, err := f.sessions.End(ctx, started.ID); err != nil {
		t.Fatal(err)
	}
	f.until(ctx, started.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	release()
	f.until(ctx, started.ID, "without environment", func(session.View) bool {
		ids, err := f.sandbox.List(ctx)
		return err == nil && len(ids) == 0
	})
}

func TestALostEnvironmentEndsItsSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	found, err := f.sessions.Get(ctx, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.sandbox.Kill(found.Sandbox())
	v = f.until(ctx, v.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if v.Reason == nil || v.Reason.Code != "environment_lost" {
		t.Errorf("reason %+v", v.Reason)
	}
	f.gone()
}

func TestSessionsSurviveARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	f.shell(ctx, v.ID, "touch ~/one")
	f.stop()
	f.start()
	system := tenancy.System(t.Context(), tenancy.DefaultTenant())
	if err := f.sessions.Recover(system, v.ID); err != nil {
		t.Fatal(err)
	}
	if n := f.sessions.Keepers.Following(); n != 1 {
		t.Errorf("%d sessions are followed", n)
	}
	f.shell(ctx, v.ID, "touch ~/two")
	f.until(ctx, v.ID, "at the second step", func(v session.View) bool { return v.Step == 1 })
}

func TestAHalfMadeSessionIsMadeAnewAfterARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	f.stop() // nobody takes the job
	started, _, err := f.sessions.Start(ctx, "errands")
	if err != nil {
		t.Fatal(err)
	}
	f.start()
	if err := f.sessions.Recover(tenancy.System(t.Context(), tenancy.DefaultTenant()), started.ID); err != nil {
		t.Fatal(err)
	}
	f.until(ctx, started.ID, "ready", func(v session.View) bool { return v.State == session.Ready })
}

func TestTheReaperEndsWhatIsOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	system := tenancy.System(t.Context(), tenancy.DefaultTenant())
	if err := f.sessions.Expire(system, v.ID, false); err != nil {
		t.Fatal(err)
	}
	v = f.until(ctx, v.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if v.Reason == nil || v.Reason.Code != "time_over" {
		t.Errorf("reason %+v", v.Reason)
	}
	wantError(t, f.sessions.Expire(system, uuid.New(), false), session.ErrNotFound)
	f.gone()
}

func TestASessionInWhichNothingHappensEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sessions.MaxIdle = 3 * time.Second
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	f.shell(ctx, v.ID, "sleep 6") // somebody works: the three seconds begin after it
	v = f.until(ctx, v.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if v.Reason == nil || v.Reason.Code != "idle" {
		t.Errorf("reason %+v", v.Reason)
	}
	if lived := v.EndedAt.Sub(*v.ReadyAt); lived < 6*time.Second {
		t.Errorf("it ended after %v, while a foreground job ran", lived)
	}
	f.gone()
}

func TestExtendingIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	before := *v.Deadline
	for range 2 {
		if _, err := f.sessions.Extend(ctx, v.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.sessions.Extend(ctx, v.ID)
	wantError(t, err, session.ErrNoExtension)
	v, err = f.sessions.View(ctx, v.ID)
	if err != nil || v.Deadline.Sub(before).Minutes() != 20 || v.Extensions != 0 {
		t.Errorf("%v more, %d left, %v; want 20m and none", v.Deadline.Sub(before), v.Extensions, err)
	}
}

func TestHintsCostAndSolutionsAreOffered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	_, err := f.sessions.Solution(ctx, v.ID, 0)
	wantError(t, err, session.ErrNotOffered)
	if html, err := f.sessions.Reveal(ctx, v.ID, 0, 0); err != nil || html == "" {
		t.Errorf("hint %q, %v", html, err)
	}
	_, err = f.sessions.Reveal(ctx, v.ID, 0, 1)
	wantError(t, err, session.ErrNoStep)
	for range 3 {
		if err := f.sessions.RunCheck(ctx, v.ID, check.Key{Step: 0, Name: "made"}); err != nil {
			t.Fatal(err)
		}
	}
	if script, err := f.sessions.Solution(ctx, v.ID, 0); err != nil || script == "" {
		t.Errorf("solution %q, %v", script, err)
	}
	wantError(t, f.sessions.RunCheck(ctx, v.ID, check.Key{Step: 0, Name: "then"}), session.ErrNotYet)
	wantError(t, f.sessions.RunCheck(ctx, v.ID, check.Key{Step: 0, Name: "none"}), session.ErrNoStep)
	wantError(t, f.sessions.RunCheck(ctx, v.ID, check.Key{Step: 1, Name: "asked"}), session.ErrNotYet)
	f.shell(ctx, v.ID, "touch ~/one ~/two")
	v = f.until(ctx, v.ID, "at the second step", func(v session.View) bool { return v.Step == 1 })
	if v.Score != 3 {
		t.Errorf("score %d, want the points less the hint's cost", v.Score)
	}
}

func TestAnotherLearnerSeesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine, other := f.member(tenancy.RoleLearner), f.member(tenancy.RoleLearner)
	v := f.run(mine)
	for name, try := range map[string]func() error{
		"view":     func() error { _, err := f.sessions.View(other, v.ID); return err },
		"end":      func() error { _, err := f.sessions.End(other, v.ID); return err },
		"extend":   func() error { _, err := f.sessions.Extend(other, v.ID); return err },
		"restart":  func() error { _, err := f.sessions.Restart(other, v.ID); return err },
		"terminal": func() error { _, err := f.sessions.Terminal(other, v.ID, sandbox.Attachment{Name: "1"}); return err },
		"port":     func() error { _, err := f.sessions.Port(other, v.ID, "web"); return err },
		"file":     func() error { return f.sessions.WriteFile(other, v.ID, "~/x", "x") },
		"check":    func() error { return f.sessions.RunCheck(other, v.ID, check.Key{Name: "made"}) },
		"hint":     func() error { _, err := f.sessions.Reveal(other, v.ID, 0, 0); return err },
		"solution": func() error { _, err := f.sessions.Solution(other, v.ID, 0); return err },
		"quiz":     func() error { _, err := f.sessions.Answer(other, v.ID, 1, [][]int{{1}}); return err },
		"another tenant": func() error {
			_, err := f.sessions.View(f.db.Tenant(t, "elsewhere", tenancy.RoleOwner), v.ID)
			return err
		},
	} {
		if err := try(); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	if found, _, err := f.sessions.List(other, session.ListFilter{At: list.Position{Limit: 10}}); err != nil || len(found) != 0 {
		t.Errorf("listed %d, %v", len(found), err)
	}
	if found, _, err := f.sessions.List(f.member(tenancy.RoleInstructor), session.ListFilter{All: true, At: list.Position{Limit: 10}}); err != nil || len(found) != 1 {
		t.Errorf("an instructor's list has %d, %v; want 1", len(found), err)
	}
	instructor := f.member(tenancy.RoleInstructor)
	if _, err := f.sessions.View(instructor, v.ID); err != nil {
		t.Errorf("an instructor looks on: %v", err)
	}
	_, err := f.sessions.Terminal(instructor, v.ID, sandbox.Attachment{Name: "1"})
	wantError(t, err, session.ErrNotFound)
	wantError(t, f.sessions.WriteFile(instructor, v.ID, "~/x", "x"), session.ErrNotFound)
	if _, _, err := f.sessions.List(other, session.ListFilter{All: true, At: list.Position{Limit: 10}}); err == nil {
		t.Error("a learner listed everybody's sessions")
	}
}

func TestFilesAreWrittenBelowTheHomeOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	v := f.run(ctx)
	if err := f.sessions.WriteFile(ctx, v.ID, "~/made/by hand.txt", "text\n"); err != nil {
		t.Fatal(err)
	}
	found, err := f.sessions.Get(ctx, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.sandbox.Exec(ctx, found.Sandbox(), sandbox.Command{Script: []byte("cat 'made/by hand.txt'; pwd")})
	if err != nil || string(r.Output[:min(5, len(r.Output))]) != "text\n" {
		t.Errorf("%q, %v", r.Output, err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	for _, name := range []string{"/etc/passwd", "../" + outside, "~/../../x", "", ".", "a/../../../b", "a\x00b"} {
		if err := f.sessions.WriteFile(ctx, v.ID, name, "x"); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a file outside of the home was written")
	}
}

package session_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/fake"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// patience is how long a test waits for what must come; nothing waits for it to pass.
const patience = 20 * time.Second

const host = "host-of-the-test"

// fixture is sessions on a database of their own, with fake environments and real jobs.
type fixture struct {
	t        *testing.T
	db       *dbtest.Database
	sandbox  *fake.Provider
	places   *places
	sessions *session.Service
	jobs     *job.Client
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, db: dbtest.New(t), sandbox: fake.New(t.TempDir())}
	t.Cleanup(func() {
		if err := f.sandbox.Close(); err != nil {
			t.Error(err)
		}
	})
	f.places = &places{provider: f.sandbox, by: map[uuid.UUID]place{}, capacity: 5, lock: make(chan struct{}, 1)}
	f.start()
	if _, err := f.sessions.Labs.Publish(f.member(tenancy.RoleAuthor), testLab()); err != nil {
		t.Fatal(err)
	}
	return f
}

// start starts a process: its service, its keepers and its jobs.
func (f *fixture) start() {
	f.t.Helper()
	inserter, err := job.NewInserter()
	if err != nil {
		f.t.Fatal(err)
	}
	data := f.db.Role(policy.Authorize)
	log := slog.New(slog.DiscardHandler)
	f.sessions = &session.Service{
		DB: data, Labs: &lab.Service{DB: data}, Environments: f.places, Provider: f.sandbox, Jobs: inserter,
		Keepers: session.NewKeepers(context.Background()), Log: log,
	}
	workers := river.NewWorkers()
	f.sessions.AddWorkers(workers)
	f.jobs, err = job.NewWorker(job.Work{Pool: f.db.Worker, Workers: workers, Queues: map[string]int{job.HostQueue(host): 4}, Log: log})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.jobs.Start(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(f.stop)
}

// stop ends the process as Ctrl-C does; environments go on.
func (f *fixture) stop() {
	if f.jobs == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.jobs.StopAndCancel(ctx); err != nil {
		f.t.Error(err)
	}
	f.sessions.Keepers.Close()
	f.jobs = nil
}

func (f *fixture) member(role tenancy.Role) context.Context { return f.db.Default(f.t, role) }

// run starts the lab and waits until it is ready.
func (f *fixture) run(ctx context.Context) session.View {
	f.t.Helper()
	started, _, err := f.sessions.Start(ctx, "errands")
	if err != nil {
		f.t.Fatal(err)
	}
	return f.until(ctx, started.ID, "ready", func(v session.View) bool { return v.State == session.Ready })
}

// until waits until the session is as is says.
func (f *fixture) until(ctx context.Context, id uuid.UUID, what string, is func(session.View) bool) session.View {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		v, err := f.sessions.View(ctx, id)
		if err != nil {
			f.t.Fatal(err)
		}
		if is(v) {
			return v
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("the session did not become %s: %+v", what, v)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// shell runs a command as the learner would type it.
func (f *fixture) shell(ctx context.Context, id uuid.UUID, script string) {
	f.t.Helper()
	term, err := f.sessions.Terminal(ctx, id, sandbox.Attachment{Name: "1", Client: uuid.NewString()})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := term.Write(sandbox.Frame{Type: sandbox.FrameInput, N: 1, Data: []byte(script + "\n")}); err != nil {
		f.t.Fatal(err)
	}
	for {
		frame, err := term.Read()
		if err != nil {
			f.t.Fatal(err)
		}
		if frame.Type == sandbox.FrameInputAck {
			break
		}
	}
	_ = term.Close()
}

// has tells whether a file is there and not empty.
func (f *fixture) has(id uuid.UUID, file string) bool {
	f.t.Helper()
	system := tenancy.System(f.t.Context(), tenancy.DefaultTenant())
	found, err := f.sessions.Get(system, id)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := f.sandbox.Exec(system, found.Sandbox(), sandbox.Command{Script: []byte("test -s " + file)})
	return err == nil && r.Code == 0
}

// gone fails unless nothing of the session's environment is left.
func (f *fixture) gone() {
	f.t.Helper()
	ids, err := f.sandbox.List(context.Background())
	if err != nil || len(ids) > 0 {
		f.t.Errorf("environments are left: %q, %v", ids, err)
	}
	if n := f.places.taken(); n > 0 {
		f.t.Errorf("%d places are still taken", n)
	}
}

func testLab() manifest.Tree {
	files := map[string]string{
		"lab.yaml": `apiVersion: cloudkida/v1
slug: errands
title: Errands
summary: Make files until all is done.
level: beginner
duration: 30m
extend: 10m
idle: 5m
tags: [test]
environment:
  machines: [{name: shell, image: toolbox, ports: [{name: web, port: 8080}]}]
setup: setup.sh
cleanup: cleanup.sh
steps:
  - title: First
    text: 1.md
    checks:
      - {name: made, run: check1.sh, every: 1s}
      - {name: then, run: check2.sh, every: 1s, needs: [made]}
    hints: [{text: hint.md, cost: 2}]
    solve: solve.sh
    points: 5
  - title: Second
    text: 1.md
    setup: setup2.sh
    checks: [{name: asked, run: check3.sh}]
    quiz: [{ask: Which are even?, answers: [one, two, three, four], solution: [1, 3], why: Two divides them.}]
    solve: solve.sh
    points: 3
`,
		"1.md": "Do it.\n", "hint.md": "Use `touch`.\n",
		"cleanup.sh": "cat ~/one > \"$(cat ~/report 2>/dev/null || echo /dev/null)\" 2>/dev/null || true\n",
		"setup.sh":   "echo FRUIT=mango >> \"$CLOUDKIDA_ENV\"\n",
		"setup2.sh":  "touch ~/second\n",
		"check1.sh":  "test -e ~/one || { echo 'There is no file named one.'; exit 1; }\n",
		"check2.sh":  "test -e ~/two || { echo 'There is no file named two.'; exit 1; }\n",
		"check3.sh":  "test -e ~/three || { echo 'There is no file named three.'; exit 1; }\n",
		"solve.sh":   "touch ~/one ~/two ~/three\n",
	}
	tree := manifest.Tree{}
	for name, text := range files {
		tree[name] = manifest.Entry{Data: []byte(text)}
	}
	return tree
}

var errFull = errs.Unavailable("no_capacity", "Full.")

// places stands for the control plane.
type places struct {
	provider sandbox.Provider
	capacity int

	lock chan struct{}
	by   map[uuid.UUID]place
}

type place struct {
	state    session.State
	deadline time.Time
}

func (p *places) with(fn func()) {
	if p.lock == nil {
		panic("places without a lock")
	}
	p.lock <- struct{}{}
	defer func() { <-p.lock }()
	fn()
}

func (p *places) taken() (n int) {
	p.with(func() { n = len(p.by) })
	return n
}

func (p *places) Admit(_ context.Context, a session.Admission) (_ string, err error) {
	p.with(func() {
		if len(p.by) >= p.capacity {
			err = errFull
			return
		}
		p.by[a.Environment] = place{state: session.Admitted}
	})
	return host, err
}

func (p *places) Move(_ context.Context, id uuid.UUID, to session.State, deadline time.Time) error {
	p.with(func() {
		if _, ok := p.by[id]; ok {
			p.by[id] = place{to, deadline}
		}
	})
	return nil
}

func (p *places) Remove(ctx context.Context, id uuid.UUID) error {
	if err := p.provider.Destroy(ctx, session.Session{Environment: id}.Sandbox()); err != nil {
		return err
	}
	return p.Release(ctx, id)
}

func (p *places) Release(_ context.Context, id uuid.UUID) error {
	p.with(func() { delete(p.by, id) })
	return nil
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

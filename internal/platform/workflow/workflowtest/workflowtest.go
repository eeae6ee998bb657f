// Package workflowtest proves that a workflow survives: it runs it in a process of its own that is killed in the middle of
// every step, before the step's effect and after it, and lets another one finish.
package workflowtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Build makes an engine with the definitions under test on a database.
type Build func(ctx context.Context, in db.Installation) (*workflow.Engine, error)

// What the killed process is told.
const (
	envKill     = "CLOUDKIDA_TEST_KILL"   // step/moment
	envCancel   = "CLOUDKIDA_TEST_CANCEL" // step; empty: the workflow is not cancelled
	envAdmin    = "CLOUDKIDA_TEST_ADMIN"
	envWorkflow = "CLOUDKIDA_TEST_WORKFLOW"
	childTime   = time.Minute
)

// Main is for TestMain in place of dbtest.Main: in the process that is to be killed it runs the workflow and nothing else.
func Main(m *testing.M, build Build) {
	if os.Getenv(envKill) == "" {
		dbtest.Main(m)
		return
	}
	fmt.Fprintln(os.Stderr, "the workflow ended without being killed:", child(build))
	os.Exit(3)
}

func child(build Build) error {
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	defer cancel()
	e, err := build(ctx, dbtest.Reopen(os.Getenv(envAdmin)))
	if err != nil {
		return err
	}
	id, err := uuid.Parse(os.Getenv(envWorkflow))
	if err != nil {
		return err
	}
	at, cancelled, back := os.Getenv(envKill), os.Getenv(envCancel), os.Getenv(envCancel) == ""
	e.At = func(step, moment string) {
		if back && step+"/"+moment == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing may happen between the signal and the end
		}
		if !back && step == cancelled && moment == workflow.AfterEffect {
			if err := e.Cancel(ctx, id); err != nil {
				panic(err)
			}
			back = true
		}
	}
	return e.Run(ctx, id)
}

// NewEngine is an engine without definitions on the control role's pool of a test database, without long waits.
func NewEngine(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
	pool, err := in.Open(ctx, db.Control, 6)
	if err != nil {
		return nil, err
	}
	jobs, err := job.NewInserter()
	if err != nil {
		return nil, err
	}
	return &workflow.Engine{
		Pool: pool, Jobs: jobs, Log: slog.New(slog.DiscardHandler), Delays: []time.Duration{time.Millisecond, time.Millisecond},
	}, nil
}

// Case is one workflow to be killed.
type Case struct {
	Build Build
	Steps []string // by name, every one of which is cut
	// Cancel is the step after which the workflow is cancelled: it is killed on the way back. Empty: on the way there.
	Cancel string
	// Start starts the workflow on a fresh database.
	Start func(t *testing.T, d *dbtest.Database, e *workflow.Engine) uuid.UUID
	// Check looks at what is left once the workflow has ended.
	Check func(t *testing.T, d *dbtest.Database, w workflow.Workflow)
}

// Kill runs the case once for each step and moment.
func Kill(t *testing.T, c Case) {
	t.Helper()
	for _, step := range c.Steps {
		for _, moment := range []string{workflow.BeforeEffect, workflow.AfterEffect} {
			t.Run("killed "+moment+" "+step, func(t *testing.T) {
				t.Parallel()
				c.kill(t, step, moment)
			})
		}
	}
}

func (c Case) kill(t *testing.T, step, moment string) {
	t.Helper()
	d := dbtest.New(t)
	e, err := c.Build(t.Context(), d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Pool.Close)
	id := c.Start(t, d, e)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$") //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), envKill+"="+step+"/"+moment, envCancel+"="+c.Cancel, envAdmin+"="+d.Admin, envWorkflow+"="+id.String())
	out, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed %s %s: %v: %s", moment, step, err, out)
	}
	finish(t, e, id)
	w, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, d, w)
}

// finish runs the workflow as the restarted process does, once PostgreSQL has noticed that the killed one is gone.
func finish(t *testing.T, e *workflow.Engine, id uuid.UUID) {
	t.Helper()
	for end := time.Now().Add(childTime); time.Now().Before(end); {
		if err := e.Run(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w, err := e.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if w.Over() || w.State == workflow.Stuck || w.State == workflow.Waiting {
			return
		}
	}
	t.Fatal("the workflow did not end")
}

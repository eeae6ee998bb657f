// Package run does what a lab's files say in a running environment: prepare it, check it, solve it, clean it up. Sessions
// and `cloudkida lab test` share it, so that what was proved is what learners get.
package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Bounds of the scripts that have none of their own in lab.yaml.
const (
	setupTime   = 4 * time.Minute
	stepTime    = time.Minute
	solveTime   = 2 * time.Minute
	cleanupTime = 30 * time.Second
	checkOutput = 16 << 10 // bytes kept of a check: its last line is what counts
	grace       = 5 * time.Second
)

// Spec is the environment that a lab asks for. The caller adds the id and the deadline.
func Spec(l *manifest.Lab) sandbox.Spec {
	spec := sandbox.Spec{Requires: l.Requires}
	if len(l.Environment.Machines) == 0 {
		return spec
	}
	m := l.Environment.Machines[0]
	spec.Image, spec.Hostname, spec.CPU, spec.Memory, spec.Disk, spec.Sudo = m.Image, m.Name, m.CPU, m.Memory, m.Disk, m.Sudo
	for _, f := range m.Files {
		spec.Files = append(spec.Files, sandbox.File{Path: f.Path, Mode: f.Mode, User: f.User, Data: f.Data})
	}
	return spec
}

// ScriptError says that a script of the lab failed. Its text is meant for learners and authors; Output is for authors.
type ScriptError struct {
	What     string // "the lab's setup", "the setup of step 2"
	Code     int
	TimedOut bool
	Message  string // last line of output
	Output   []byte
}

// Error is one sentence with the script's own last words.
func (e *ScriptError) Error() string {
	switch {
	case e.TimedOut:
		return fmt.Sprintf("%s did not end in time%s", e.What, colon(e.Message))
	case e.Code == 0:
		return fmt.Sprintf("%s failed%s", e.What, colon(e.Message))
	default:
		return fmt.Sprintf("%s failed with exit code %d%s", e.What, e.Code, colon(e.Message))
	}
}

func colon(message string) string {
	if message == "" {
		return "."
	}
	return ": " + message
}

// Setup prepares a fresh environment: the lab's setup, then that of its first step. env is what they wrote to $CLOUDKIDA_ENV.
func Setup(ctx context.Context, p sandbox.Provider, id string, l *manifest.Lab) (env map[string]string, err error) {
	env = map[string]string{}
	if len(l.Setup) > 0 {
		env, err = setup(ctx, p, id, "The lab's setup", l.Setup, setupTime)
		if err != nil {
			return nil, err
		}
	}
	if len(l.Steps) == 0 {
		return env, nil
	}
	more, err := StepSetup(ctx, p, id, l, 0)
	if err != nil {
		return nil, err
	}
	for name, value := range more {
		env[name] = value
	}
	return env, nil
}

// StepSetup prepares a step, from 0; steps without a setup are ready as they are.
func StepSetup(ctx context.Context, p sandbox.Provider, id string, l *manifest.Lab, step int) (env map[string]string, err error) {
	if step < 0 || step >= len(l.Steps) || len(l.Steps[step].Setup) == 0 {
		return map[string]string{}, nil
	}
	return setup(ctx, p, id, fmt.Sprintf("The setup of step %d", step+1), l.Steps[step].Setup, stepTime)
}

// Solve does what a step asks for, as the learner would.
func Solve(ctx context.Context, p sandbox.Provider, id string, l *manifest.Lab, step int) error {
	_, err := script(ctx, p, id, fmt.Sprintf("The solution of step %d", step+1), sandbox.Command{
		Script: l.Steps[step].Solve, User: manifest.UserLearner, Timeout: solveTime,
	})
	return err
}

// Cleanup runs before an environment is removed.
func Cleanup(ctx context.Context, p sandbox.Provider, id string, l *manifest.Lab) error {
	if len(l.Cleanup) == 0 {
		return nil
	}
	_, err := script(ctx, p, id, "The lab's cleanup", sandbox.Command{Script: l.Cleanup, User: manifest.UserRoot, Timeout: cleanupTime})
	return err
}

// Outcome of one run of a check.
type Outcome struct {
	Passed   bool
	TimedOut bool
	Code     int
	Message  string // last line of output that is not blank: at most 500 bytes of printable UTF-8
	Took     time.Duration
}

// Check runs a check. That it fails, or does not end, is an outcome; an error means that it could not be run.
func Check(ctx context.Context, p sandbox.Provider, id string, c manifest.Check) (Outcome, error) {
	r, err := exec(ctx, p, id, sandbox.Command{Script: c.Run, User: c.User, Timeout: c.Timeout, Limit: checkOutput})
	if err != nil {
		return Outcome{}, fmt.Errorf("run check %s: %w", c.Name, err)
	}
	return Outcome{
		Passed: r.Code == 0 && !r.TimedOut, TimedOut: r.TimedOut, Code: r.Code,
		Message: LastLine(r.Output), Took: r.Took,
	}, nil
}

// setup runs a script as root and reads back the variables that it wrote.
func setup(ctx context.Context, p sandbox.Provider, id, what string, content []byte, timeout time.Duration) (map[string]string, error) {
	made, err := script(ctx, p, id, what, sandbox.Command{Argv: []string{"mktemp"}, User: manifest.UserRoot})
	if err != nil {
		return nil, err
	}
	file := strings.TrimSpace(string(made.Output))
	_, err = script(ctx, p, id, what, sandbox.Command{
		Script: content, User: manifest.UserRoot, Timeout: timeout, Env: map[string]string{"CLOUDKIDA_ENV": file},
	})
	if err != nil {
		return nil, err
	}
	// One byte more than allowed is enough to know that there is too much.
	read, err := script(ctx, p, id, what, sandbox.Command{
		Script: []byte(readEnv), User: manifest.UserRoot, Limit: 2 * maxEnv, Env: map[string]string{"CLOUDKIDA_ENV": file},
	})
	if err != nil {
		return nil, err
	}
	env, err := ParseEnv(read.Output)
	if err != nil {
		return nil, &ScriptError{What: what, Message: err.Error()}
	}
	return env, nil
}

// readEnv prints what a setup wrote, and leaves nothing behind.
const readEnv = `head -c 65537 -- "$CLOUDKIDA_ENV" && rm -f -- "$CLOUDKIDA_ENV"`

// script runs a command that has to succeed.
func script(ctx context.Context, p sandbox.Provider, id, what string, c sandbox.Command) (sandbox.Result, error) {
	r, err := exec(ctx, p, id, c)
	if err != nil {
		return r, fmt.Errorf("%s: %w", what, err)
	}
	if r.Code != 0 || r.TimedOut {
		return r, &ScriptError{What: what, Code: r.Code, TimedOut: r.TimedOut, Message: LastLine(r.Output), Output: r.Output}
	}
	return r, nil
}

// exec holds the provider to the command's time, with some grace: an environment that hangs must not hang the caller.
func exec(ctx context.Context, p sandbox.Provider, id string, c sandbox.Command) (sandbox.Result, error) {
	limit := c.Timeout
	if limit == 0 {
		limit = 30 * time.Second // the provider's own default
	}
	bounded, cancel := context.WithTimeout(ctx, limit+grace)
	defer cancel()
	r, err := p.Exec(bounded, id, c)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return r, fmt.Errorf("%w: no answer within %s", sandbox.ErrUnreachable, limit+grace)
	}
	return r, err
}

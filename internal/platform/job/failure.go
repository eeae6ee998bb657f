package job

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/rivertype"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// rest says where the text of an error is. The log has it with the job's id and tenant, and with secrets taken out of it.
const rest = "; the log has the rest, by the id of the job"

// unknown stands for errors that were stored in another form.
const unknown = "failed" + rest

// classed is what River stores of an error: what it is, and nothing that it tells of. An error's text can hold anything that
// the job came across, such as an address, a row or a token, and the jobs console asks nobody who they are.
type classed struct {
	text string
	err  error
}

// Error is the error's class.
func (c *classed) Error() string { return c.text + rest }

// Unwrap returns the whole error, by which River tells a job that is put off or given up.
func (c *classed) Unwrap() error { return c.err }

// class names what an error is, by words that stand in the program's text.
func class(err error) string {
	var ours *errs.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &ours):
		return ours.Code
	case errors.As(err, &pg):
		return "PostgreSQL " + pg.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "stopped"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("failed (%T)", err)
}

// guard runs a job. Of what goes wrong it logs all and returns the class.
func (m *scopeMiddleware) guard(ctx context.Context, row *rivertype.JobRow, tenant any, next func(context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			m.log.ErrorContext(ctx, "a job panicked", "job", row.ID, "kind", row.Kind, "tenant", tenant, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			err = &classed{text: "panicked", err: errPanicked}
		}
	}()
	if err = next(ctx); err == nil {
		return nil
	}
	var putOff *rivertype.JobSnoozeError
	if errors.As(err, &putOff) {
		return err // which is no failure
	}
	m.log.WarnContext(ctx, "a job failed", "job", row.ID, "kind", row.Kind, "tenant", tenant, "attempt", row.Attempt, "error", err)
	return &classed{text: class(err), err: err}
}

var errPanicked = errors.New("the job panicked")

// shown is the form of the errors that the console shows. Nothing in rest has a meaning in a pattern.
var shown = regexp.MustCompile(`^[A-Za-z0-9_.*() ]{1,100}` + rest + `$`)

// stripErrors leaves the classes of errors, without the stacks of panics.
func stripErrors(all []rivertype.AttemptError) {
	for n := range all {
		if all[n].Trace = ""; !shown.MatchString(all[n].Error) {
			all[n].Error = unknown
		}
	}
}

package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

type input struct {
	Export uuid.UUID `json:"export"`
}

// Workflow is the kind of workflow that makes an archive; the engine must know it before it runs any.
func (s *Service) Workflow() workflow.Definition {
	return workflow.Definition{Kind: Kind, Title: "Export the organisation's data", Steps: []workflow.Step{
		{Name: "write", Title: "Write the archive", Do: s.write, Undo: s.giveUp},
		{Name: "tidy", Title: "Delete older archives", Do: s.tidy},
	}}
}

// progressEvery is how often people see that it goes on.
const progressEvery = 500 * time.Millisecond

// write makes the archive, from the beginning each time.
func (s *Service) write(ctx context.Context, r *workflow.Run) error {
	var in input
	if err := r.Input(&in); err != nil {
		return err
	}
	e, err := byID(ctx, s.Control, in.Export)
	if err != nil {
		return workflow.Permanent(err)
	}
	if e.State != Pending {
		return nil // an earlier run came as far as this
	}
	var told time.Time
	err = s.make(ctx, e, func(done, total int64) error {
		if done < total && time.Since(told) < progressEvery {
			return nil
		}
		told = time.Now()
		return r.Progress(ctx, done, total, "rows")
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	message := "The archive could not be written. Try again; if it stays, ask whoever runs this installation."
	var public *errs.Error
	if errors.As(err, &public) {
		message = public.Message
	}
	return errors.Join(err, fail(ctx, s.Control, e.ID, false, message, s.Files.Host, time.Time{}))
}

func (s *Service) make(ctx context.Context, e Export, progress func(done, total int64) error) error {
	ctx = tenancy.System(ctx, e.Tenant)
	tenant, err := tenantOf(ctx, s.Control, e.Tenant)
	if err != nil {
		return err
	}
	var manifest archive.Manifest
	var sum [32]byte
	err = s.DB.SnapshotInTenant(ctx, s.System, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, s.System, tenancy.Whole{}); err != nil {
			return err
		}
		return s.Files.write(e, func(out, spool *os.File) (err error) {
			manifest, sum, err = archive.Write(ctx, tx, out, archive.Source{
				Program: s.Program, Schema: s.Schema, Tenant: tenant, Now: time.Now(), Spool: spool, Progress: progress,
				Members: func(ctx context.Context, yield func(archive.Member) error) error {
					return s.Members(ctx, e.Tenant, yield)
				},
			})
			return err
		})
	})
	if err != nil {
		return archive.Full(err)
	}
	if e.Bytes, err = s.Files.size(e); err != nil {
		return err
	}
	if e.ExpiresAt == nil {
		expires := time.Now().Add(maxLife)
		e.ExpiresAt = &expires
	}
	e.Host, e.Rows, e.Manifest = s.Files.Host, manifest.Rows(), sum[:]
	if err := finish(ctx, s.Control, e); err != nil {
		return errors.Join(err, s.Files.remove(e))
	}
	return nil
}

// giveUp leaves nothing of an archive but the reason why there is none.
func (s *Service) giveUp(ctx context.Context, r *workflow.Run) error {
	var in input
	if err := r.Input(&in); err != nil {
		return err
	}
	e, err := byID(ctx, s.Control, in.Export)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || e.State == Ready {
		return err
	}
	if err := s.Files.remove(e); err != nil {
		return fmt.Errorf("remove what was written: %w", err)
	}
	return fail(ctx, s.Control, e.ID, true, "", s.Files.Host, time.Now().Add(maxLife))
}

// tidy keeps the number of a tenant's archives bounded.
func (s *Service) tidy(ctx context.Context, r *workflow.Run) error {
	old, err := surplus(ctx, s.Control, r.Tenant, s.Files.Host, maxKept)
	for _, e := range old {
		err = errors.Join(err, s.Files.remove(e))
	}
	return err
}

package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// The kinds of workflows, which are the actions of the operators' log as well.
const (
	kindSuspend  = "tenant.suspend"
	kindResume   = "tenant.resume"
	kindTier     = "tenant.tier"
	kindMove     = "tenant.move"
	kindOffboard = "tenant.offboard"
)

// AddWorkflows makes the workflows of a tenant's life known to the engine.
func (s *Service) AddWorkflows() {
	end := workflow.Step{Name: "sessions", Title: "End the running labs", Do: s.endSessions}
	place := []workflow.Step{
		{Name: "silo", Title: "Make the silo", Do: s.makeSilo, Undo: s.unmakeSilo},
		{Name: "move", Title: "Move the data", Do: s.move, Undo: s.moveBack},
		{Name: "tier", Title: "Change the tier", Do: s.setTier, Undo: s.resetTier},
		{Name: "clean", Title: "Delete the old copy", Do: s.clean, Final: true},
		s.told("changed"),
	}
	// A move has the same steps, of which one has nothing to change: those of older programs go on in this one.
	move := slices.Clone(place)
	move[slices.IndexFunc(move, func(step workflow.Step) bool { return step.Name == "tier" })].Title = "Keep the tier"
	for _, d := range []workflow.Definition{
		{Kind: kindSuspend, Title: "Suspend the organisation", Steps: []workflow.Step{
			{Name: "close", Title: "Close it to people", Do: s.close(Suspended), Undo: s.reopen}, end, s.told("suspended"),
		}},
		{Kind: kindResume, Title: "Open the organisation again", Steps: []workflow.Step{
			{Name: "open", Title: "Open it to people", Do: s.open}, s.told("resumed"),
		}},
		{Kind: kindTier, Title: "Change the tier", Steps: place},
		{Kind: kindMove, Title: "Move the organisation's data", Steps: move},
		{Kind: kindOffboard, Title: "Off-board the organisation", Steps: []workflow.Step{
			{Name: "close", Title: "Close it to people", Do: s.close(Offboarding), Undo: s.reopen}, end,
			{Name: "archive", Title: "Keep an archive", Do: s.archive},
			s.told("offboarded"),
			{Name: "grace", Title: "Wait for the end of the grace period", Do: s.grace},
			{Name: "count", Title: "Count what there is", Do: s.count, Final: true},
			{Name: "people", Title: "Delete its people", Do: s.purgePeople, Final: true},
			{Name: "data", Title: "Delete its data", Do: s.purgeData, Final: true},
			{Name: "files", Title: "Delete its files", Do: s.purgeFiles, Final: true},
			{Name: "proof", Title: "Sign the proof", Do: s.prove, Final: true},
		}},
	} {
		s.Workflows.Add(d)
	}
}

func input(r *workflow.Run) (c change, err error) {
	err = r.Input(&c)
	return c, err
}

// told writes into the tenant's own audit log what was done.
func (s *Service) told(what string) workflow.Step {
	return workflow.Step{Name: "audit", Title: "Write it into the organisation's audit log", Do: func(ctx context.Context, r *workflow.Run) error {
		c, err := input(r)
		if err != nil {
			return err
		}
		detail := map[string]any{"workflow": r.ID}
		if !c.Own {
			detail["operator"] = true
		}
		for name, value := range map[string]string{"reason": c.Reason, "tier": c.Tier, "placement": string(c.Placement)} {
			if value != "" {
				detail[name] = value
			}
		}
		before, after := c.difference(r.Kind)
		return s.Application.Record(ctx, r.Tenant, r.Actor, audit.Entry{Action: "tenant." + what, Target: r.Tenant.String(), Detail: detail, Before: before, After: after})
	}}
}

func (s *Service) close(to Status) func(context.Context, *workflow.Run) error {
	return func(ctx context.Context, r *workflow.Run) error {
		c, err := input(r)
		if err != nil {
			return err
		}
		if to == Offboarding {
			if _, err := s.Pool.Exec(ctx, `update control.tenant set purge_after = $2 where id = $1`, r.Tenant, c.Until); err != nil {
				return fmt.Errorf("set the end of grace: %w", err)
			}
		}
		return s.setStatus(ctx, r.Tenant, to, c.Reason)
	}
}

func (s *Service) reopen(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	if _, err := s.Pool.Exec(ctx, `update control.tenant set purge_after = null where id = $1`, r.Tenant); err != nil {
		return fmt.Errorf("drop the end of grace: %w", err)
	}
	return s.setStatus(ctx, r.Tenant, c.Status, "")
}

func (s *Service) open(ctx context.Context, r *workflow.Run) error {
	return s.setStatus(ctx, r.Tenant, Active, "")
}

// How long sessions may take to end; the reaper frees what does not.
const (
	endingTime  = 3 * time.Minute
	endingEvery = 100 * time.Millisecond
)

func (s *Service) endSessions(ctx context.Context, r *workflow.Run) error {
	most := 0
	tick := time.NewTicker(endingEvery)
	defer tick.Stop()
	for until := time.Now().Add(endingTime); ; {
		left, err := s.Application.EndSessions(ctx, r.Tenant)
		if err != nil || left == 0 {
			return err
		}
		most = max(most, left)
		if err := r.Progress(ctx, int64(most-left), int64(most), "Labs that end"); err != nil {
			return err
		}
		if time.Now().After(until) {
			return errs.Unavailable("sessions_left", "Some labs did not end in time.")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// placed tells where the data is now.
func (s *Service) placed(ctx context.Context, r *workflow.Run) (Placement, error) {
	t, err := s.Get(ctx, r.Tenant)
	return t.Placement, err
}

// origin is where the data was before; it is kept because the row says so only until the move.
type origin struct {
	From Placement `json:"from"`
}

func (s *Service) makeSilo(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	var o origin
	if err := r.State(&o); err != nil {
		return err
	}
	if o.From == "" {
		if o.From, err = s.placed(ctx, r); err != nil {
			return err
		}
		if err := r.Keep(ctx, o); err != nil {
			return err
		}
	}
	if c.Placement != Silo || o.From == Silo {
		return nil
	}
	return s.Data.MakeSilo(ctx, r.Tenant)
}

func (s *Service) unmakeSilo(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	var o origin
	if err := r.State(&o); err != nil {
		return err
	}
	if c.Placement != Silo || o.From != Pool {
		return nil
	}
	return s.Data.DropSilo(ctx, r.Tenant)
}

func (s *Service) move(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	return s.moveTo(ctx, r, c.Placement)
}

func (s *Service) moveBack(ctx context.Context, r *workflow.Run) error {
	var o origin
	if err := r.State(&o); err != nil {
		return err
	}
	return s.moveTo(ctx, r, o.From)
}

func (s *Service) moveTo(ctx context.Context, r *workflow.Run, to Placement) error {
	from, err := s.placed(ctx, r)
	if err != nil || from == to || to == "" {
		return err
	}
	way := s.Data.ToPool
	if to == Silo {
		way = s.Data.ToSilo
	}
	moved, err := way(ctx, r.Tenant)
	if err != nil {
		return err
	}
	return r.Progress(ctx, moved.Rows, moved.Rows, fmt.Sprintf("%d rows; writes waited %d ms", moved.Rows, moved.Pause.Milliseconds()))
}

func (s *Service) clean(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	var o origin
	if err := r.State(&o); err != nil {
		return err
	}
	if o.From == c.Placement {
		return nil
	}
	if err := s.settle(ctx, r); err != nil {
		return err
	}
	if c.Placement == Silo {
		return s.Data.CleanPool(ctx, r.Tenant)
	}
	return s.Data.DropSilo(ctx, r.Tenant)
}

// settle waits until every process knows the new place. Until then the old rows stay: a scope of the old place is refused
// where there is a row to look at, and the reader asks for the place anew, but an empty table gives no rows in silence.
func (s *Service) settle(ctx context.Context, r *workflow.Run) error {
	var changed time.Time
	if err := s.Pool.QueryRow(ctx, `select changed_at from app.tenant_scope where tenant_id = $1`, r.Tenant).Scan(&changed); err != nil {
		return fmt.Errorf("read when the place changed: %w", err)
	}
	timer := time.NewTimer(min(s.Settle, time.Until(changed.Add(s.Settle))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s *Service) setTier(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	return s.writeTier(ctx, r, c.Tier)
}

func (s *Service) resetTier(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	return s.writeTier(ctx, r, c.OldTier)
}

func (s *Service) writeTier(ctx context.Context, r *workflow.Run, tier string) error {
	if tier == "" {
		return nil
	}
	if _, err := s.Pool.Exec(ctx, `update control.tenant set tier = $2, updated_at = now() where id = $1`, r.Tenant, tier); err != nil {
		return fmt.Errorf("change tier: %w", err)
	}
	return nil
}

func (s *Service) archive(ctx context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	return s.Application.Archive(ctx, r.ID, r.Tenant, r.Actor, c.Reason, c.Until)
}

func (s *Service) grace(_ context.Context, r *workflow.Run) error {
	c, err := input(r)
	if err != nil {
		return err
	}
	if s.Now().Before(c.Until) {
		return workflow.Later(c.Until)
	}
	return nil
}

// purge is what the steps of a purge find, for the proof.
type purge struct {
	Before  map[string]int64 `json:"before"`
	Deleted map[string]int64 `json:"deleted"`
}

// deleted adds to what was deleted. A step that is cut and run again finds less: the larger count is the true one.
func deleted(ctx context.Context, r *workflow.Run, prefix string, counts map[string]int64) error {
	var p purge
	if err := r.State(&p); err != nil {
		return err
	}
	if p.Deleted == nil {
		p.Deleted = map[string]int64{}
	}
	for name, n := range counts {
		p.Deleted[prefix+name] = max(p.Deleted[prefix+name], n)
	}
	return r.Keep(ctx, p)
}

func (s *Service) count(ctx context.Context, r *workflow.Run) error {
	counts, err := s.Data.CountTenant(ctx, r.Tenant)
	if err != nil {
		return err
	}
	jobs, err := s.countControl(ctx, r)
	if err != nil {
		return err
	}
	maps.Copy(counts, jobs)
	return r.Keep(ctx, purge{Before: counts, Deleted: map[string]int64{}})
}

// countControl counts what the provider's own tables have of a tenant beside its row.
func (s *Service) countControl(ctx context.Context, r *workflow.Run) (map[string]int64, error) {
	var environments int64
	if err := s.Pool.QueryRow(ctx, `select count(*) from runtime.environment where tenant_id = $1`, r.Tenant).Scan(&environments); err != nil {
		return nil, fmt.Errorf("count environments: %w", err)
	}
	return map[string]int64{"runtime.environment": environments}, nil
}

func (s *Service) purgePeople(ctx context.Context, r *workflow.Run) error {
	counts, err := s.Application.RemovePeople(ctx, r.Tenant)
	if err != nil {
		return err
	}
	return deleted(ctx, r, "identity.", counts)
}

func (s *Service) purgeData(ctx context.Context, r *workflow.Run) error {
	counts, err := s.Data.PurgeTenant(ctx, r.Tenant)
	if err != nil {
		return err
	}
	if err := deleted(ctx, r, "", counts); err != nil {
		return err
	}
	return s.Data.DropSilo(ctx, r.Tenant)
}

func (s *Service) purgeFiles(ctx context.Context, r *workflow.Run) error {
	counts, err := s.Application.RemoveFiles(ctx, r.Tenant)
	if err != nil {
		return err
	}
	return deleted(ctx, r, "file.", counts)
}

// document is what a purge's proof says.
type document struct {
	Statement string           `json:"statement"`
	Tenant    string           `json:"tenant"`
	Name      string           `json:"name"`
	PurgedAt  time.Time        `json:"purgedAt"`
	Before    map[string]int64 `json:"before"`
	Deleted   map[string]int64 `json:"deleted"`
	After     map[string]int64 `json:"after"`
}

// prove counts again, signs what was found and makes the tenant's row a tombstone: its id and name are never given again.
func (s *Service) prove(ctx context.Context, r *workflow.Run) error {
	var p purge
	if err := r.State(&p); err != nil {
		return err
	}
	after, err := s.Data.CountTenant(ctx, r.Tenant)
	if err != nil {
		return err
	}
	for table, n := range after {
		if n != 0 {
			return fmt.Errorf("%d rows are left in %s", n, table)
		}
	}
	t, err := s.Get(ctx, r.Tenant)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(document{
		Statement: "Every row and file of this tenant was deleted; the counts are of rows by table and of files by kind.",
		Tenant:    t.ID.String(), Name: t.Name, PurgedAt: s.Now().UTC(), Before: p.Before, Deleted: p.Deleted, After: after,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode proof: %w", err)
	}
	signature, key, err := s.Signer.Sign(ctx, text)
	if err != nil {
		return fmt.Errorf("sign proof: %w", err)
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into control.purge_proof (tenant_id, document, signature, key_id) values ($1, $2, $3, $4) on conflict do nothing`,
			r.Tenant, string(text), signature, key)
		if err != nil {
			return fmt.Errorf("insert proof: %w", err)
		}
		_, err = tx.Exec(ctx, `update control.tenant set status = 'purged', title = name, status_reason = '', purge_after = null, updated_at = now() where id = $1`, r.Tenant)
		if err != nil {
			return fmt.Errorf("make the tombstone: %w", err)
		}
		return nil
	})
}

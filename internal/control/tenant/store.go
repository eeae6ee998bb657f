package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

const columns = `t.id, t.name, t.title, t.status, t.status_reason, t.tier, t.placement, coalesce(s.version, 0), t.created_at, t.purge_after,
	(select w.id from control.workflow w where w.tenant_id = t.id and w.ended_at is null)`

const source = ` from control.tenant t left join app.tenant_scope s on s.tenant_id = t.id `

func lockTenant(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Tenant, error) {
	rows, err := tx.Query(ctx, `select `+columns+source+`where t.id = $1 for update of t`, id)
	return one(rows, err)
}

func one(rows pgx.Rows, err error) (Tenant, error) {
	if err != nil {
		return Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Tenant])
	if errors.Is(err, pgx.ErrNoRows) {
		return Tenant{}, ErrNotFound
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}

// Get returns one tenant.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Tenant, error) {
	rows, err := s.Pool.Query(ctx, `select `+columns+source+`where t.id = $1`, id)
	return one(rows, err)
}

// Filter selects tenants; zero values select all.
type Filter struct {
	Q         string // start of the name, or of one of the first four words of the title
	Status    Status
	Tier      string
	Placement Placement
	At        list.Position
	Limit     int
}

// tenants are listed by age, or by name.
func tenants() list.List[Tenant] {
	return list.List[Tenant]{
		Name: "tenants", ID: func(t Tenant) string { return t.ID.String() }, IDSQL: "t.id",
		Sorts: []list.Sort[Tenant]{{Name: "created", Down: true}, {Name: "name", Text: func(t Tenant) string { return t.Name }, SQL: "t.name"}},
	}
}

// found is the condition that a text is the start of a tenant's name, or of one of the first four words of its title, in the
// words of migration 0125's indexes. What goes before them says nothing more, but costs much less to look at than they do:
// where a text finds many tenants, PostgreSQL reads tenants until a page is full.
const found = `(case when t.name like @start then true else ' ' || lower(t.title) like @word end and (t.name like @start
	or lower(t.title) like @start
	or substring(lower(t.title) from '^[^ ]+ (.*)$') like @start
	or substring(lower(t.title) from '^[^ ]+ [^ ]+ (.*)$') like @start
	or substring(lower(t.title) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') like @start))`

// List returns tenants, the newest first unless At says otherwise.
func (s *Service) List(ctx context.Context, f Filter) ([]Tenant, error) {
	where, start := "", strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(f.Q))+"%"
	if f.Q != "" {
		where = " and " + found
	}
	rows, err := s.Pool.Query(ctx, `select `+columns+source+`
		where `+tenants().Where(f.At)+` and (@status = '' or t.status = @status) and (@tier = '' or t.tier = @tier)
			and (@placement = '' or t.placement = @placement)`+where+`
		order by `+tenants().By(f.At)+` limit @limit`, list.Fresh, tenants().Args(f.At, pgx.NamedArgs{
		"status": string(f.Status), "tier": f.Tier, "placement": string(f.Placement),
		"start": start, "word": "% " + start, "limit": f.Limit,
	}))
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Tenant])
}

// setStatus changes the status and what people are told; it can be repeated.
func (s *Service) setStatus(ctx context.Context, id uuid.UUID, to Status, reason string) error {
	_, err := s.Pool.Exec(ctx, `update control.tenant set status = $2, status_reason = $3, updated_at = now() where id = $1`, id, string(to), reason)
	if err != nil {
		return fmt.Errorf("change status: %w", err)
	}
	return nil
}

// record adds an entry about a tenant to the operators' log.
func record(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, reason string, e audit.Entry) error {
	e.Target = tenant.String()
	return audit.Operated(ctx, tx, audit.Operation{Entry: e, Tenant: tenant, Reason: reason})
}

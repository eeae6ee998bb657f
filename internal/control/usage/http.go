package usage

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Program is an API key or machine client of a tenant.
type Program struct {
	ID   uuid.UUID
	Name string
	Kind string // machine or key
}

// Kinds of programs that made requests in this month and are not listed: removed are no more, and of unnamed ones the caller may not
// see what they are.
const (
	removed = "removed"
	unnamed = "program"
)

// Quota is a window with what was counted in it.
type Quota struct {
	Requests int64     `json:"requests" doc:"Requests that API keys and machine clients have made"`
	Most     *int64    `json:"most,omitempty" doc:"Absent where nothing bounds them"`
	Since    time.Time `json:"since"`
	Resets   time.Time `json:"resets" doc:"When counting begins anew, UTC"`
}

// Limits are what an organisation allows one of its programs; what is absent is bounded by its plan alone.
type Limits struct {
	Rate    *int64 `json:"rate,omitempty" minimum:"0" maximum:"1000000" doc:"Requests a second"`
	Burst   *int64 `json:"burst,omitempty" minimum:"0" maximum:"1000000" doc:"Requests at once; by default as many as in a second, and 20 at least"`
	Daily   *int64 `json:"dailyRequests,omitempty" minimum:"0" maximum:"1000000000000"`
	Monthly *int64 `json:"monthlyRequests,omitempty" minimum:"0" maximum:"1000000000000"`
}

// ProgramUse is what one program uses.
type ProgramUse struct {
	ID     uuid.UUID `json:"id"`
	Name   string    `json:"name,omitempty" doc:"Absent for removed programs, and for whoever may not see machine clients and API keys, such as operators"`
	Kind   string    `json:"kind" enum:"machine,key,removed,program"`
	Today  int64     `json:"today"`
	Month  int64     `json:"month"`
	Limits *Limits   `json:"limits,omitempty" doc:"Its own; absent where it has none"`
}

// Use is what an organisation's programs use of its quotas.
type Use struct {
	Day      Quota        `json:"day"`
	Month    Quota        `json:"month"`
	Programs []ProgramUse `json:"programs" nullable:"false" doc:"The busiest of this month first"`
}

// The errors of limits of programs.
var (
	ErrProgram       = errs.NotFound("no_such_program", "Your organisation has no such API key or machine client.")
	errTooManyLimits = errs.Conflict("too_many_program_limits", "Too many programs have limits of their own. Take some back first.")
	errLimits        = errs.Invalid("invalid_limit", "The limits cannot be like this; see errors.")
	errScope         = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
)

// API shows usage and sets limits of programs.
type API struct {
	*Service
	// Programs lists those of the caller's tenant that the caller may see, and tells whether these are all.
	Programs func(ctx context.Context) (list []Program, whole bool, err error)
	// Record writes to the tenant's audit log.
	Record func(ctx context.Context, tenant uuid.UUID, e audit.Entry) error
}

type output[T any] struct{ Body T }

// Register adds the routes: for members who see the plan, for those who manage programs, and for operators.
func (a *API) Register(api huma.API, see, manage, operator tenancy.Permission) {
	const tag = "tenant"
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/usage", "get-usage", see, "Requests of API keys and machine clients, today and this month", tag),
		func(ctx context.Context, _ *struct{}) (*output[Use], error) {
			scope, ok := tenancy.From(ctx)
			if !ok {
				return nil, errScope
			}
			programs, whole, err := a.Programs(ctx)
			if err != nil {
				return nil, err
			}
			kind := removed
			if !whole {
				kind = unnamed
			}
			use, err := a.use(ctx, scope.Tenant, programs, kind)
			return &output[Use]{use}, err
		})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/tenants/{id}/usage", "get-tenant-usage", operator, "Requests of one organisation's programs, today and this month", "operator"),
		func(ctx context.Context, in *struct {
			ID uuid.UUID `path:"id" format:"uuid"`
		}) (*output[Use], error) {
			use, err := a.use(ctx, in.ID, nil, unnamed)
			return &output[Use]{use}, err
		})
	set := httpx.Operation(http.MethodPut, "/v1/tenant/usage/programs/{program}", "set-program-limits", manage,
		"Give an API key or machine client limits of its own, below the organisation's; without any, take them back", tag)
	set.DefaultStatus = http.StatusNoContent
	set.Errors = append(set.Errors, http.StatusNotFound, http.StatusConflict)
	set = httpx.Unconditional(set, "all limits of a program are set together; nothing is made of what they were")
	huma.Register(api, set, func(ctx context.Context, in *struct {
		Program uuid.UUID `path:"program" format:"uuid" doc:"Id of an API key or machine client"`
		Body    Limits
	}) (*struct{}, error) {
		return nil, a.set(ctx, in.Program, in.Body)
	})
}

// set gives one of the caller's programs limits.
func (a *API) set(ctx context.Context, id uuid.UUID, l Limits) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return errScope
	}
	programs, _, err := a.Programs(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(programs, func(p Program) bool { return p.ID == id })
	if at < 0 {
		return ErrProgram
	}
	if err := l.check(); err != nil {
		return err
	}
	defer a.Forget(scope.Tenant)
	return setLimit(ctx, a.Pool, scope.Tenant, id, ProgramLimit(l), func(before ProgramLimit) error {
		return a.Record(ctx, scope.Tenant, audit.Entry{
			Action: "program.limits_set", Target: id.String(), Detail: map[string]any{"name": programs[at].Name}, Before: Limits(before), After: l,
		})
	})
}

func (l Limits) check() error {
	var fields []errs.Field
	if l.Burst != nil && l.Rate == nil {
		fields = append(fields, errs.Field{Path: "body.burst", Message: "It needs a rate."})
	}
	if l.Burst != nil && *l.Burst > 0 && *l.Burst < httpx.MaxWeight {
		fields = append(fields, errs.Field{Path: "body.burst", Message: fmt.Sprintf("Want at least %d, which is what the heaviest request weighs.", httpx.MaxWeight)})
	}
	if len(fields) > 0 {
		return errLimits.WithFields(fields...)
	}
	return nil
}

// Requests is how many requests the programs of a tenant have made, by what bounds them.
func (s *Service) Requests(ctx context.Context, tenant uuid.UUID) (map[tier.Limit]int64, error) {
	var c counted
	c.day, c.month = windows(tenant, uuid.Nil, s.Now())
	rows, err := read(ctx, s.Pool, c)
	if err != nil {
		return nil, err
	}
	s.meter.addPending(tenant, rows)
	return map[tier.Limit]int64{tier.DailyRequests: rows[c.day], tier.MonthlyRequests: rows[c.month]}, nil
}

// use is what a tenant uses: the rows, and what this process has counted since. Programs that are not known have the kind.
func (s *Service) use(ctx context.Context, tenant uuid.UUID, known []Program, kind string) (u Use, err error) {
	plan, err := s.Plans(ctx, tenant)
	if err != nil {
		return u, err
	}
	limits, err := s.limitsOf(ctx, tenant)
	if err != nil {
		return u, err
	}
	rows, err := readTenant(ctx, s.Pool, tenant, s.Now())
	if err != nil {
		return u, err
	}
	s.meter.addPending(tenant, rows)
	today, thisMonth := windows(tenant, uuid.Nil, s.Now())
	u.Day, u.Month = quota(plan, today, rows), quota(plan, thisMonth, rows)
	of := map[uuid.UUID]Program{}
	for _, p := range known {
		of[p.ID] = p
	}
	for w := range rows {
		if _, ok := of[w.program]; !ok && w.program != uuid.Nil && w.period == month {
			of[w.program] = Program{ID: w.program, Kind: kind}
		}
	}
	u.Programs = make([]ProgramUse, 0, len(of))
	for id, p := range of {
		one := ProgramUse{ID: id, Name: p.Name, Kind: p.Kind, Today: rows[today.of(id)], Month: rows[thisMonth.of(id)]}
		if l, ok := limits[id]; ok {
			own := Limits(l)
			one.Limits = &own
		}
		u.Programs = append(u.Programs, one)
	}
	slices.SortFunc(u.Programs, func(a, b ProgramUse) int {
		if a.Month != b.Month {
			return int(min(1, max(-1, b.Month-a.Month)))
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	u.Programs = u.Programs[:min(len(u.Programs), mostPrograms)]
	return u, nil
}

func quota(plan tier.Plan, w window, rows map[window]int64) Quota {
	q := Quota{Requests: rows[w], Since: w.since, Resets: w.until}
	if most, bounded := plan.Limit(w.limit()); bounded {
		q.Most = &most
	}
	return q
}

// Package auditlog shows a tenant's audit log: to those of its people who may see it, and to operators who have entered the
// tenant with a reason, which the log shows as well.
package auditlog

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Entry is one change, or one look by an operator.
type Entry struct {
	ID      uuid.UUID       `json:"id"`
	At      time.Time       `json:"at"`
	Actor   *uuid.UUID      `json:"actor,omitempty" doc:"Who did it; absent for the program itself"`
	Name    string          `json:"actorName,omitempty" doc:"Of the actor, if it is still known"`
	Action  string          `json:"action" example:"lab.published"`
	Target  string          `json:"target"`
	Detail  json.RawMessage `json:"detail" doc:"An object; its members depend on the action"`
	Request string          `json:"request,omitempty" doc:"Id of the request"`
}

// Page is a page of entries, the newest first.
type Page struct {
	Items []Entry `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Service reads audit logs.
type Service struct {
	DB *db.DB
	// Names gives the names of people.
	Names func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
	// Inside tells whether the operator in ctx has entered a tenant.
	Inside func(ctx context.Context, tenant uuid.UUID) error
}

type listInput struct {
	Action string `query:"action" maxLength:"100" doc:"Start of an action, such as lab. or member."`
	Actor  string `query:"actor" maxLength:"36" doc:"Id of a person"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"36" doc:"next of the page before"`
}

type pageOutput struct{ Body Page }

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/audit", "list-audit", policy.TenantRead, "The organisation's audit log, the newest first", "tenant"),
		func(ctx context.Context, in *listInput) (*pageOutput, error) {
			return s.list(ctx, policy.TenantRead, *in)
		})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/tenants/{id}/audit", "list-tenant-audit", policy.OperatorRead,
		"An organisation's audit log, for an operator who has entered it with a reason", "operator"),
		func(ctx context.Context, in *struct {
			ID     uuid.UUID `path:"id" format:"uuid"`
			Action string    `query:"action" maxLength:"100"`
			Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
			Cursor string    `query:"cursor" maxLength:"36"`
		}) (*pageOutput, error) {
			if err := s.Inside(ctx, in.ID); err != nil {
				return nil, err
			}
			return s.list(tenancy.System(ctx, in.ID), policy.TenantSystem, listInput{Action: in.Action, Limit: in.Limit, Cursor: in.Cursor})
		})
}

var errCursor = errs.Malformed("invalid_cursor", "The cursor or id is not one of ours; start from the first page.")

func (s *Service) list(ctx context.Context, p tenancy.Permission, in listInput) (*pageOutput, error) {
	var before, actor uuid.NullUUID
	for id, text := range map[*uuid.NullUUID]string{&before: in.Cursor, &actor: in.Actor} {
		if text == "" {
			continue
		}
		if err := id.UnmarshalText([]byte(text)); err != nil {
			return nil, errCursor.Wrap(err)
		}
	}
	found, err := db.ReadInTenant(ctx, s.DB, p, `
		select id, at, actor, '' as name, action, target, detail, request from audit_entry
		where (@before::uuid is null or id < @before) and (@actor::uuid is null or actor = @actor) and starts_with(action, @action)
		order by id desc limit @limit`,
		pgx.NamedArgs{"before": before, "actor": actor, "action": in.Action, "limit": in.Limit + 1}, pgx.RowToStructByPos[Entry])
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	page := Page{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		page.Next = found[in.Limit-1].ID.String()
	}
	page.Items, err = s.named(ctx, found)
	return &pageOutput{Body: page}, err
}

// named adds the names of the actors.
func (s *Service) named(ctx context.Context, entries []Entry) ([]Entry, error) {
	if entries == nil {
		entries = []Entry{}
	}
	var actors []uuid.UUID
	for _, e := range entries {
		if e.Actor != nil {
			actors = append(actors, *e.Actor)
		}
	}
	names, err := s.Names(ctx, actors)
	if err != nil {
		return nil, err
	}
	for n, e := range entries {
		if e.Actor != nil {
			entries[n].Name = names[*e.Actor]
		}
	}
	return entries, nil
}

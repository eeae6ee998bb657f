// Package operatorlog shows the operators' log: what operators did to the installation, its tiers, user pools and mail, and to
// tenants as a whole. Entries are added by whoever makes a change, in its transaction, and nobody can change one.
package operatorlog

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Entry is one thing that an operator did.
type Entry struct {
	ID      uuid.UUID       `json:"id"`
	At      time.Time       `json:"at"`
	Actor   *uuid.UUID      `json:"actor,omitempty" doc:"Who did it; absent for the program itself"`
	Name    string          `json:"actorName,omitempty" doc:"Of the actor, if it is still known"`
	Kind    tenancy.Kind    `json:"actorKind" enum:"person,machine,key,operator,program"`
	Action  string          `json:"action" example:"tier.changed"`
	Target  string          `json:"target"`
	Tenant  *uuid.UUID      `json:"tenant,omitempty" doc:"Which organisation it was about"`
	Title   string          `json:"tenantTitle,omitempty" doc:"The organisation's name"`
	Reason  string          `json:"reason,omitempty"`
	Detail  json.RawMessage `json:"detail" doc:"An object; its members depend on the action"`
	Before  json.RawMessage `json:"before,omitempty" doc:"What has changed, as it was"`
	After   json.RawMessage `json:"after,omitempty" doc:"What has changed, as it is"`
	Request string          `json:"request,omitempty"`
	Address string          `json:"address,omitempty"`
}

// Page is a page of entries, the newest first.
type Page struct {
	Items []Entry `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// API shows the log.
type API struct {
	Pool *pgxpool.Pool // of the role control
	// Names gives the names of people.
	Names func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
}

type listInput struct {
	Action string `query:"action" maxLength:"100" doc:"Start of an action, such as tier. or tenant."`
	Actor  string `query:"actor" maxLength:"36" doc:"Id of an operator"`
	Tenant string `query:"tenant" maxLength:"36" doc:"Id of an organisation"`
	list.Query
}

type pageOutput struct{ Body Page }

var errID = errs.Malformed("invalid_id", "The id of an operator or an organisation is not one of ours.")

// entries are listed by age.
func entries() list.List[Entry] {
	return list.List[Entry]{
		Name: "operator-audit", ID: func(e Entry) string { return e.ID.String() }, IDSQL: "e.id", Sorts: []list.Sort[Entry]{{Name: "at", Down: true}},
	}
}

// Register adds the route; it needs the permission of operators.
func (a *API) Register(api huma.API, read tenancy.Permission) {
	huma.Register(api, entries().Operation(httpx.Operation(http.MethodGet, "/v1/operator/audit", "list-operator-audit", read, "What operators did to the installation, the newest first", "operator")), a.list)
}

func (a *API) list(ctx context.Context, in *listInput) (*pageOutput, error) {
	at, err := entries().At(in.Query)
	if err != nil {
		return nil, err
	}
	where, args := []string{entries().Where(at)}, entries().Args(at, pgx.NamedArgs{"limit": at.Limit + 1})
	for text, condition := range map[[2]string]string{
		{"actor", in.Actor}: "e.actor = @actor", {"tenant", in.Tenant}: "e.tenant_id = @tenant",
	} {
		if text[1] == "" {
			continue
		}
		id, err := uuid.Parse(text[1])
		if err != nil {
			return nil, errID.Wrap(err)
		}
		where, args[text[0]] = append(where, condition), id
	}
	if in.Action != "" {
		where, args["action"] = append(where, "e.action like @action"), strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(in.Action)+"%"
	}
	rows, err := a.Pool.Query(ctx, `
		select e.id, e.at, e.actor, '' as name, e.kind, e.action, e.target, e.tenant_id, coalesce(t.title, '') as title, e.reason, e.detail, e.before, e.after, e.request, e.address
		from control.audit_entry e left join control.tenant t on t.id = e.tenant_id
		where `+strings.Join(where, " and ")+` order by `+entries().By(at)+` limit @limit`, args)
	if err != nil {
		return nil, fmt.Errorf("read the operators' log: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
	if err != nil {
		return nil, fmt.Errorf("read the operators' log: %w", err)
	}
	page := Page{Items: []Entry{}}
	found, page.Next = entries().Page(at, found)
	var actors []uuid.UUID
	for _, e := range found {
		if e.Actor != nil {
			actors = append(actors, *e.Actor)
		}
	}
	names, err := a.Names(ctx, actors)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if e.Actor != nil {
			e.Name = names[*e.Actor]
		}
		page.Items = append(page.Items, e)
	}
	return &pageOutput{Body: page}, nil
}

// Package approval keeps what people have allowed programs of others to know about them, and lets them take it back.
package approval

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Given is what a person has allowed one program.
type Given struct {
	Client  string    `json:"client" doc:"client_id of the program"`
	Name    string    `json:"name"`
	Tenant  string    `json:"tenant" doc:"Organisation that has registered the program"`
	Scopes  []string  `json:"scopes" nullable:"false"`
	GivenAt time.Time `json:"givenAt"`
}

// GivenList is all that a person has allowed.
type GivenList struct {
	Items []Given `json:"items" nullable:"false"`
}

// Service keeps approvals.
type Service struct {
	DB     *pgxpool.Pool        // of the role identity
	Forget func(user uuid.UUID) // drops what this process remembers of a person
}

// maxGiven bounds a person's list.
const maxGiven = 200

var (
	errNoScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
	errNone    = errs.NotFound("no_such_grant", "You have allowed nothing to this program.")
)

// Has tells whether a person has allowed a program all of these scopes.
func (s *Service) Has(ctx context.Context, user uuid.UUID, client string, scopes []string) (bool, error) {
	var has bool
	err := s.DB.QueryRow(ctx, `select exists (select from identity.client_approval where user_id = $1 and client_id = $2 and scopes @> $3)`, user, client, scopes).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("read approval: %w", err)
	}
	return has, nil
}

// Give remembers what a person allows, beside what they allowed before.
func (s *Service) Give(ctx context.Context, pool access.Pool, user uuid.UUID, client string, scopes []string) error {
	slices.Sort(scopes)
	_, err := s.DB.Exec(ctx, `
		insert into identity.client_approval as a (pool_id, user_id, client_id, scopes) values ($1, $2, $3, $4)
		on conflict (user_id, client_id) do update set scopes = array(select distinct unnest(a.scopes || excluded.scopes) order by 1)`,
		pool.ID, user, client, slices.Compact(scopes))
	if err != nil {
		return fmt.Errorf("keep approval: %w", err)
	}
	return nil
}

// List is what the caller has allowed.
func (s *Service) List(ctx context.Context) ([]Given, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, errNoScope
	}
	rows, err := s.DB.Query(ctx, `
		select a.client_id, c.name, coalesce(t.title, ''), a.scopes, a.created_at
		from identity.client_approval a join identity.client c on c.pool_id = a.pool_id and c.id = a.client_id
			left join control.tenant t on t.id = c.tenant_id
		where a.user_id = $1 order by a.created_at desc, a.client_id limit $2`, scope.User, maxGiven)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Given])
}

// Revoke takes back what the caller has allowed a program. Its tokens end.
func (s *Service) Revoke(ctx context.Context, client string) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return errNoScope
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `delete from identity.client_approval where user_id = $1 and client_id = $2`, scope.User, client)
		if err != nil {
			return fmt.Errorf("revoke approval: %w", err)
		}
		if done.RowsAffected() == 0 {
			return errNone
		}
		for _, statement := range []string{
			`delete from identity.auth_code where user_id = $1 and request ->> 'client' = $2`,
			`delete from identity.token_family where user_id = $1 and client_id = $2`,
		} {
			if _, err := tx.Exec(ctx, statement, scope.User, client); err != nil {
				return fmt.Errorf("end a program's tokens: %w", err)
			}
		}
		return audit.OfPerson(ctx, tx, scope.User, audit.Entry{Action: "person.program_revoked", Target: scope.User.String(), Before: map[string]any{"client": client}})
	})
	if err == nil {
		s.Forget(scope.User)
	}
	return err
}

type output struct{ Body GivenList }

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/me/grants", "list-my-grants", httpx.SignedIn, "Programs of others that the caller has let know something", "identity"),
		func(ctx context.Context, _ *struct{}) (*output, error) {
			found, err := s.List(ctx)
			return &output{GivenList{Items: found}}, err
		})
	revoke := httpx.Operation(http.MethodDelete, "/v1/me/grants/{client}", "revoke-my-grant", httpx.SignedIn, "Take back what a program may know; its tokens end within seconds", "identity")
	revoke.DefaultStatus = http.StatusNoContent
	revoke.Errors = append(revoke.Errors, http.StatusNotFound)
	huma.Register(api, revoke, func(ctx context.Context, in *struct {
		Client string `path:"client" format:"uuid" doc:"client_id of the program"`
	}) (*struct{}, error) {
		return nil, s.Revoke(ctx, in.Client)
	})
}

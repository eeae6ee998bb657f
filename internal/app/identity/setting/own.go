package setting

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Own are the settings of the pool that an organisation signs in with.
type Own struct {
	View
	Shared bool `json:"shared" doc:"Other organisations sign in here, too; operators alone change it"`
}

type ownOutput struct {
	ETag string `header:"ETag" doc:"The settings' version, for If-Match"`
	Body Own
}

type ownInput struct {
	Match string `header:"If-Match" doc:"The settings' ETag"`
	Body  Settings
}

// inTenant records a change in the log of the organisation whose people made it.
func inTenant(ctx context.Context, tx pgx.Tx, e audit.Entry) error {
	scope, _ := tenancy.From(ctx)
	return audit.OfTenant(ctx, tx, scope.Tenant, e)
}

// registerOwn adds the routes with which an organisation that has a pool of its own sets it up.
func (s *Service) registerOwn(api huma.API) {
	const base, tag = "/v1/sign-in-settings", "identity"
	huma.Register(api, httpx.Operation(http.MethodGet, base+"/pool", "get-own-pool", policy.TenantRead, "Passwords, sign-up and lifetimes of the organisation's sign-in", tag),
		func(ctx context.Context, _ *struct{}) (*ownOutput, error) {
			name, shared, err := s.own(ctx, false)
			if err != nil {
				return nil, err
			}
			return replyOwn(shared)(s.Get(ctx, name))
		})
	set := httpx.Operation(http.MethodPut, base+"/pool", "set-own-pool", policy.TenantWrite, "Change them, where the organisation has a sign-in of its own", tag)
	set.Errors = append(set.Errors, http.StatusConflict)
	huma.Register(api, set, func(ctx context.Context, in *ownInput) (*ownOutput, error) {
		name, shared, err := s.own(ctx, true)
		if err != nil {
			return nil, err
		}
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		return replyOwn(shared)(s.set(ctx, name, version, in.Body, inTenant))
	})
	keys := httpx.Operation(http.MethodGet, base+"/keys", "list-own-pool-keys", policy.TenantRead, "Keys that the organisation's tokens are signed with", tag)
	huma.Register(api, signingKeys("own-pool-keys").Operation(keys), func(ctx context.Context, in *list.Query) (*struct{ Body KeyList }, error) {
		name, _, err := s.own(ctx, false)
		if err != nil {
			return nil, err
		}
		return s.pageOfKeys(ctx, "own-pool-keys", name, *in)
	})
	rotate := httpx.Operation(http.MethodPost, base+"/keys/rotate", "rotate-own-pool-keys", policy.TenantWrite, "Give the organisation's own sign-in a new signing key; the old one is published until its last token has ended", tag)
	rotate.Errors = append(rotate.Errors, http.StatusConflict)
	huma.Register(api, rotate, func(ctx context.Context, _ *struct{}) (*struct{ Body Rotated }, error) {
		name, _, err := s.own(ctx, true)
		if err != nil {
			return nil, err
		}
		return rotated(s.rotate(ctx, name, inTenant))
	})
	people := httpx.Operation(http.MethodGet, base+"/people", "count-own-pool-people", policy.TenantRead, "How many people the rules of the organisation's own sign-in are about", tag)
	people.Errors = append(people.Errors, http.StatusConflict)
	huma.Register(api, people,
		func(ctx context.Context, _ *struct{}) (*struct{ Body People }, error) {
			name, _, err := s.own(ctx, true) // of a shared one it would tell about others
			if err != nil {
				return nil, err
			}
			count, err := s.CountPeople(ctx, name)
			return &struct{ Body People }{count}, err
		})
}

func replyOwn(shared bool) func(View, error) (*ownOutput, error) {
	return func(v View, err error) (*ownOutput, error) {
		if err != nil {
			return nil, err
		}
		return &ownOutput{ETag: httpx.Tag(v.version), Body: Own{View: v, Shared: shared}}, nil
	}
}

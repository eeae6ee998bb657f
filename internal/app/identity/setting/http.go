package setting

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

// Rotated is the key that a pool signs with next.
type Rotated struct {
	Key     string    `json:"key" doc:"Its id (kid)"`
	SignsAt time.Time `json:"signsAt" doc:"It is published now and signs from then on"`
	Until   time.Time `json:"until" doc:"The keys before it are published until then"`
}

type viewOutput struct {
	ETag string `header:"ETag" doc:"The settings' version, for If-Match"`
	Body View
}

func reply(v View, err error) (*viewOutput, error) {
	if err != nil {
		return nil, err
	}
	return &viewOutput{ETag: httpx.Tag(v.version), Body: v}, nil
}

type poolInput struct {
	Pool string `path:"pool" maxLength:"40" doc:"Name of the user pool"`
}

type setInput struct {
	Pool  string `path:"pool" maxLength:"40" doc:"Name of the user pool"`
	Match string `header:"If-Match" doc:"The settings' ETag"`
	Body  Settings
}

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	const base = "/v1/operator/pools/{pool}"
	huma.Register(api, httpx.Operation(http.MethodGet, base, "get-pool", policy.OperatorRead, "Settings of a user pool", "operator"),
		func(ctx context.Context, in *poolInput) (*viewOutput, error) { return reply(s.Get(ctx, in.Pool)) })
	set := httpx.Operation(http.MethodPut, base, "set-pool", policy.OperatorWrite, "Change the settings of a user pool; they hold within seconds, for new tokens and new passwords", "operator")
	set.Errors = append(set.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, set, func(ctx context.Context, in *setInput) (*viewOutput, error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		return reply(s.Set(ctx, in.Pool, version, in.Body))
	})
	rotate := httpx.Operation(http.MethodPost, base+"/keys/rotate", "rotate-pool-keys", policy.OperatorWrite,
		"Give a user pool a new signing key; the old one is published until its last token has ended", "operator")
	rotate.Errors = append(rotate.Errors, http.StatusNotFound)
	huma.Register(api, rotate, func(ctx context.Context, in *poolInput) (*struct{ Body Rotated }, error) {
		return rotated(s.Rotate(ctx, in.Pool))
	})
	s.registerLists(api)
	s.registerOwn(api)
}

func rotated(done keyring.Rotation, err error) (*struct{ Body Rotated }, error) {
	return &struct{ Body Rotated }{Rotated{Key: done.Key, SignsAt: done.SignsAt, Until: done.Until}}, err
}

// PoolList is a page of pools, by name.
type PoolList struct {
	Items []Listed `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// pools are listed by name.
func pools() list.List[Listed] {
	return list.List[Listed]{
		Name: "pools", ID: func(p Listed) string { return p.Name }, IDSQL: "p.name", Named: true, Sorts: []list.Sort[Listed]{{Name: "name"}},
	}
}

// signingKeys are listed by when they begin to sign: a pool has few.
func signingKeys(name string) list.List[SigningKey] {
	return list.List[SigningKey]{
		Name: name, ID: func(k SigningKey) string { return k.ID }, Named: true, Whole: true,
		Sorts: []list.Sort[SigningKey]{{Name: "signs", Down: true, Time: func(k SigningKey) time.Time { return k.SignsAt }}},
	}
}

func (s *Service) pageOfKeys(ctx context.Context, name, pool string, q list.Query) (*struct{ Body KeyList }, error) {
	found, err := s.ListKeys(ctx, pool)
	if err != nil {
		return nil, err
	}
	err = signingKeys(name).Into(q, &found.Items, &found.Next)
	return &struct{ Body KeyList }{found}, err
}

func (s *Service) registerLists(api huma.API) {
	const base = "/v1/operator/pools"
	huma.Register(api, pools().Operation(httpx.Operation(http.MethodGet, base, "list-pools", policy.OperatorRead, "User pools of the installation, by name", "operator")),
		func(ctx context.Context, in *struct {
			list.Query
			Q string `query:"q" maxLength:"40" doc:"Start of a name"`
		}) (*struct{ Body PoolList }, error) {
			at, err := pools().At(in.Query)
			if err != nil {
				return nil, err
			}
			found, err := s.List(ctx, in.Q, at)
			page, next := pools().Page(at, found)
			return &struct{ Body PoolList }{PoolList{Items: append([]Listed{}, page...), Next: next}}, err
		})
	keys := httpx.Operation(http.MethodGet, base+"/{pool}/keys", "list-pool-keys", policy.OperatorRead, "Keys that a user pool's tokens are signed with", "operator")
	keys.Errors = append(keys.Errors, http.StatusNotFound)
	huma.Register(api, signingKeys("pool-keys").Operation(keys), func(ctx context.Context, in *struct {
		list.Query
		Pool string `path:"pool" maxLength:"40" doc:"Name of the user pool"`
	}) (*struct{ Body KeyList }, error) {
		return s.pageOfKeys(ctx, "pool-keys", in.Pool, in.Query)
	})
	people := httpx.Operation(http.MethodGet, base+"/{pool}/people", "count-pool-people", policy.OperatorRead, "How many people the rules of a user pool are about", "operator")
	people.Errors = append(people.Errors, http.StatusNotFound)
	huma.Register(api, people, func(ctx context.Context, in *poolInput) (*struct{ Body People }, error) {
		count, err := s.CountPeople(ctx, in.Pool)
		return &struct{ Body People }{count}, err
	})
}

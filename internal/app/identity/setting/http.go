package setting

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
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
		done, err := s.Rotate(ctx, in.Pool)
		return &struct{ Body Rotated }{Rotated{Key: done.Key, SignsAt: done.SignsAt, Until: done.Until}}, err
	})
}

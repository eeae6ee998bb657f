package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// people is the server's identity service, in this process, until close.
func (s *server) people(ctx context.Context) (people *identity.Service, closed func(), err error) {
	in, err := s.installation(ctx)
	if err != nil {
		return nil, nil, err
	}
	key, err := secret.Load(s.data, "")
	if err != nil {
		return nil, nil, err
	}
	pool, err := in.Open(ctx, db.Identity, 1)
	if err != nil {
		return nil, nil, err
	}
	people, err = identity.New(identity.Config{Pool: pool, Key: key, PublicURL: s.url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return people, pool.Close, nil
}

// organisation makes a pooled tenant with the default tenant's labs and so many learners, and returns their tokens.
func (s *server) organisation(ctx context.Context, name, tier string, learners int) (tenant uuid.UUID, tokens []string, err error) {
	in, err := s.installation(ctx)
	if err != nil {
		return uuid.Nil, nil, err
	}
	admin, err := pgx.Connect(ctx, in.Admin)
	if err != nil {
		return uuid.Nil, nil, err
	}
	defer admin.Close(ctx) //nolint:errcheck // what it did is committed
	err = pgx.BeginFunc(ctx, admin, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `insert into control.tenant (name, title, tier) values ($1, $1, $2) returning id`, name, tier).Scan(&tenant)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into pool.lab (tenant_id, slug, version, title, summary, level, tags, overview, search)
			select $1, slug, version, title, summary, level, tags, overview, search from pool.lab where tenant_id = $2`, tenant, tenancy.DefaultTenant())
		return err
	})
	if err == nil {
		tokens, err = s.learners(ctx, admin, tenant, name, learners)
	}
	if err != nil {
		return uuid.Nil, nil, fmt.Errorf("make the organisation %s: %w", name, err)
	}
	return tenant, tokens, nil
}

// learners adds people to a tenant and returns a token of each.
func (s *server) learners(ctx context.Context, admin *pgx.Conn, tenant uuid.UUID, name string, count int) (tokens []string, err error) {
	people, done, err := s.people(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for n := range count {
		address := fmt.Sprintf("%s-%d@bench.example", name, n)
		_, err := admin.Exec(ctx, `
			with made as (
				insert into identity."user" (pool_id, email, email_key, name) select p.id, $1, $1, 'Bench' from identity.pool p where p.name = 'default' returning id)
			insert into identity.membership (user_id, tenant_id, role) select id, $2, 'learner' from made`, address, tenant)
		if err != nil {
			return nil, err
		}
		token, err := people.MintAccessToken(ctx, address, time.Hour)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

// unlimited is a learner of the default tenant whose plan lets them ask as often as they can: what is measured is not the
// plan, which is asked all the same.
func (s *server) unlimited(ctx context.Context) (*client, error) {
	if s.learner != nil {
		return s.learner, nil
	}
	operator, err := s.signUp(ctx)
	if err != nil {
		return nil, err
	}
	const plenty = 1_000_000
	for _, limit := range []string{"userRate", "userBurst"} {
		path := fmt.Sprintf("/v1/operator/tenants/%s/limits/%s", tenancy.DefaultTenant(), limit)
		resp, err := operator.sendWith(ctx, http.MethodPut, path, http.Header{"If-Match": {"*"}}, map[string]any{"value": plenty, "reason": "Measurements"})
		if err != nil {
			return nil, err
		}
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
	}
	in, err := s.installation(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := pgx.Connect(ctx, in.Admin)
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx) //nolint:errcheck // what it did is committed
	tokens, err := s.learners(ctx, admin, tenancy.DefaultTenant(), "unlimited", 1)
	if err != nil {
		return nil, fmt.Errorf("make a learner: %w", err)
	}
	s.learner = &client{url: s.url, token: tokens[0], http: &http.Client{}}
	return s.learner, nil
}

// limits are a tenant's, by name.
func (c *client) limits(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	var list struct {
		Items []struct {
			Name string `json:"name"`
			Tier *int64 `json:"tier"`
			Own  *int64 `json:"own"`
		} `json:"items"`
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/v1/operator/tenants/%s/limits", tenant), nil, &list); err != nil {
		return nil, err
	}
	found := map[string]int64{}
	for _, l := range list.Items {
		for _, most := range []*int64{l.Tier, l.Own} {
			if most != nil {
				found[l.Name] = *most
			}
		}
	}
	return found, nil
}

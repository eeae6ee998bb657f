package identity

import (
	"context"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/unserved"
)

// storage is what op asks for while it checks requests. Every method finds its pool by the issuer in the context, so that
// a code, a token or a client of one pool is unknown in another.
type storage struct {
	*Service
	unserved.Storage
}

func (st *storage) current(ctx context.Context) (Pool, error) {
	return st.Pool(ctx, st.PoolName(op.IssuerFromContext(ctx)))
}

// GetClientByClientID returns a client of the pool.
func (st *storage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := st.clients.Find(ctx, st.PoolName(op.IssuerFromContext(ctx)), id)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AuthRequestByCode takes a code, once.
func (st *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	g, err := st.grants.TakeCode(ctx, pool, code)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// TokenRequestByRefreshToken takes a refresh token, once.
func (st *storage) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	g, err := st.grants.TakeRefreshToken(ctx, pool, token)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// SigningKey is the key that the pool signs with now.
func (st *storage) SigningKey(ctx context.Context) (op.SigningKey, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	k, err := st.keys.Signer(ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// SignatureAlgorithms are those of ID tokens.
func (st *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

// KeySet is what the pool publishes.
func (st *storage) KeySet(ctx context.Context) ([]op.Key, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := st.keys.All(ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	set := make([]op.Key, len(keys))
	for i, k := range keys {
		set[i] = k.Public()
	}
	return set, nil
}

// Health tells whether the database answers.
func (st *storage) Health(ctx context.Context) error { return st.db.Ping(ctx) }

// SetUserinfoFromScopes adds nothing to an ID token but whom it is about: the userinfo endpoint says the rest.
func (st *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, user, _ string, _ []string) error {
	info.Subject = user
	return nil
}

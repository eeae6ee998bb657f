package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// ErrNone says that a pool has no such client. It is one of op's errors that never lead to a redirect: nobody has vouched
// for the address.
var ErrNone = errors.New("identity: no such client")

// Store reads clients.
type Store struct {
	DB        *pgxpool.Pool // of the role identity
	PublicURL string        // how browsers reach the installation, without a path
}

// Find returns the client of a pool.
func (s *Store) Find(ctx context.Context, pool, id string) (*Client, error) {
	c := &Client{ID: id}
	err := s.DB.QueryRow(ctx, `
		select c.name, c.redirect_uris, c.post_logout_uris, c.grants, c.tenant_id, c.secret_hash
		from identity.client c join identity.pool p on p.id = c.pool_id where p.name = $1 and c.id = $2`, pool, strings.ReplaceAll(id, "\x00", "")).
		Scan(&c.Name, &c.Redirects, &c.PostLogout, &c.Grants, &c.Tenant, &c.SecretHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(fmt.Errorf("read client: %w", err))
	}
	// What others register is checked when it is registered: https, or http on loopback.
	c.Insecure = c.Foreign() || strings.HasPrefix(s.PublicURL, "http://")
	c.Redirects, c.PostLogout = s.absolute(pool, c.Redirects), s.absolute(pool, c.PostLogout)
	return c, nil
}

// absolute puts the installation's own address before the addresses that are relative to it.
func (s *Store) absolute(pool string, addresses []string) []string {
	out := slices.Clone(addresses)
	for i, a := range out {
		if strings.HasPrefix(a, "/") {
			out[i] = s.PublicURL + strings.ReplaceAll(a, "{pool}", pool)
		}
	}
	return out
}

// Credentials are the client's id and secret in a request, from the header (client_secret_basic) or the form
// (client_secret_post, or the id alone). The form must have been parsed.
func Credentials(r *http.Request) (id, secret string, err error) {
	id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if r.PostForm.Has("client_assertion") || r.PostForm.Has("client_assertion_type") {
		return "", "", oidc.ErrInvalidClient().WithDescription("client assertions are not supported")
	}
	if r.Header.Get("Authorization") == "" {
		return id, secret, nil
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", oidc.ErrInvalidClient().WithDescription("the Authorization header is not of the kind Basic")
	}
	user, userErr := url.QueryUnescape(user)
	password, passwordErr := url.QueryUnescape(password)
	if errors.Join(userErr, passwordErr) != nil {
		return "", "", oidc.ErrInvalidClient().WithDescription("the Authorization header cannot be read")
	}
	if secret != "" || (id != "" && id != user) {
		return "", "", oidc.ErrInvalidRequest().WithDescription("the client names itself in two ways")
	}
	return user, password, nil
}

// Authenticate finds the client that a request is of and checks its secret.
func (s *Store) Authenticate(ctx context.Context, pool string, r *http.Request) (*Client, error) {
	id, secret, err := Credentials(r)
	if err != nil {
		return nil, err
	}
	c, err := s.Find(ctx, pool, id)
	if errors.Is(err, ErrNone) {
		return nil, oidc.ErrInvalidClient().WithDescription("there is no such client")
	}
	if err != nil {
		return nil, err
	}
	if !c.Proves(secret) {
		return nil, oidc.ErrInvalidClient().WithDescription("the client's secret is not right")
	}
	return c, nil
}

// StrictForm reads a form whose parameters come once each and in the body alone: addresses end up in logs.
func StrictForm(r *http.Request) error {
	if r.URL.RawQuery != "" {
		return oidc.ErrInvalidRequest().WithDescription("parameters belong in the body")
	}
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return oidc.ErrInvalidRequest().WithDescription("the form is larger than %d bytes", tooLarge.Limit)
		}
		return oidc.ErrInvalidRequest().WithDescription("the form cannot be read").WithParent(err)
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return oidc.ErrInvalidRequest().WithDescription("%s is repeated", parameter(name))
		}
	}
	return nil
}

// parameter names a parameter in an answer and in the log, if it looks like a name: it may be anything.
func parameter(name string) string {
	const most = 40
	if name == "" || len(name) > most || strings.ContainsFunc(name, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') }) {
		return "a parameter"
	}
	return "the parameter " + name
}

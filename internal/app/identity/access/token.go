package access

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
)

// Claims are what a valid access token says.
type Claims struct {
	User    uuid.UUID
	Tenant  uuid.UUID
	Pool    string
	Expires time.Time
	ID      string
	Session uuid.UUID // the sign-in that it came from; of a machine client: its secret
	Client  string
	Issued  time.Time
	API     bool // it opens the API; others tell a program only who has signed in
}

// Machine tells whether the token is a machine client's own, which is its own subject (RFC 9068, 2.2).
func (c Claims) Machine() bool { return c.Client == c.User.String() }

// ErrToken is the answer to every access token that is not valid; the cause is for the log.
var ErrToken = errs.Unauthenticated("invalid_token", "Your sign-in is no longer valid. Sign in again.")

// TokenType marks access tokens (RFC 9068), so that no ID token is ever taken for one.
const TokenType = "at+jwt"

// TokenClaims are all that an access token says: ids. Roles and states are the server's own rows.
type TokenClaims struct {
	Issuer    string    `json:"iss"`
	Subject   uuid.UUID `json:"sub"`
	Audience  string    `json:"aud"`
	Expires   int64     `json:"exp"`
	IssuedAt  int64     `json:"iat"`
	NotBefore int64     `json:"nbf,omitempty"`
	ID        uuid.UUID `json:"jti"`
	Tenant    uuid.UUID `json:"tenant"`
	Client    string    `json:"client_id"`
	Session   uuid.UUID `json:"sid"` // the token family: ends with it
	// How and when the person signed in (RFC 9470).
	SignedInAt int64    `json:"auth_time,omitempty"` // none for machine clients
	ACR        string   `json:"acr,omitempty"`
	Methods    []string `json:"amr,omitempty"`
}

const (
	maxTokenSize = 4 << 10         // ours have about 700 bytes
	clockSkew    = 5 * time.Second // between our own servers
)

type familyKey struct {
	family, user, tenant uuid.UUID
	pool                 string
	machine              bool
}

// Verify checks an access token for the API: its signature by one of our own keys, who made it, for whom, when, and that
// its sign-in has not ended (which may go unseen for 2 s). Refused tokens give ErrToken; other errors are faults of ours.
func (a *Checker) Verify(ctx context.Context, bearer string) (Claims, error) {
	claims, err := a.VerifyAny(ctx, bearer)
	if err == nil && !claims.API && !fault.On(fault.AnyAudience) {
		return Claims{}, refused("token that does not open the API")
	}
	return claims, err
}

// VerifyAny also takes tokens of programs of others, which only tell who has signed in.
func (a *Checker) VerifyAny(ctx context.Context, bearer string) (Claims, error) {
	claims, err := a.Parse(ctx, bearer)
	if err != nil {
		return Claims{}, err
	}
	key := familyKey{claims.Session, claims.User, claims.Tenant, fault.Else(fault.AnyIssuer, claims.Pool, "default"), claims.Machine()}
	read := a.readFamily
	if key.machine {
		read = a.readSecret
	}
	if _, err := a.families.Get(key, func() (struct{}, error) { return struct{}{}, read(ctx, key) }); err != nil && !fault.On(fault.EndedSignIn) {
		return Claims{}, err
	}
	return claims, nil
}

func refused(reason string, args ...any) error { return ErrToken.Wrap(fmt.Errorf(reason, args...)) }

// Parse checks everything about a token that needs no row of its sign-in. What was found good once is remembered by the
// token's hash, so that a program's next request costs no signature; when it ends, whose it is and whether its key is still
// good is asked each time.
func (a *Checker) Parse(ctx context.Context, bearer string) (Claims, error) {
	if len(bearer) > maxTokenSize {
		return Claims{}, refused("token of %d bytes", len(bearer))
	}
	hash := sha256.Sum256([]byte(bearer))
	t, verified := a.tokens.Get(hash)
	var p parts
	if !verified {
		var err error
		if t, p, err = a.read(bearer); err != nil {
			return Claims{}, err
		}
	}
	if !strings.EqualFold(t.header.kind, TokenType) && !fault.On(fault.AnyType) {
		return Claims{}, refused("token of the type %.16q, which is none of an access token", t.header.kind)
	}
	pool, err := a.Pool(ctx, t.pool)
	if errors.Is(err, ErrNoPool) {
		return Claims{}, refused("token of a foreign issuer")
	}
	if err != nil {
		return Claims{}, err
	}
	key, known, err := a.keys.Find(ctx, pool.ID, t.header.key)
	if err != nil {
		return Claims{}, err
	}
	if !known {
		a.tokens.Drop(hash)
		return Claims{}, refused("token of an unknown key")
	}
	forged := !verified && !key.Public().Verifies(p.signed, p.signature)
	if forged && !fault.On(fault.AnySignature) {
		return Claims{}, refused("token whose signature is not by its key")
	}
	claims, err := a.checkClaims(pool, t.claims)
	switch {
	case err != nil:
		a.tokens.Drop(hash)
	case !verified && !forged:
		a.remember(p)
		a.tokens.Put(hash, t)
	}
	return claims, err
}

// token is what an access token says, before or after its signature was found good.
type token struct {
	claims TokenClaims
	header header
	pool   string // whose issuer it names
}

// read takes a token apart. Nothing of it is true yet.
func (a *Checker) read(bearer string) (token, parts, error) {
	p, err := a.split(bearer)
	if err != nil {
		return token{}, parts{}, err
	}
	t := token{header: p.header}
	if err := json.Unmarshal(p.payload, &t.claims); err != nil {
		return token{}, parts{}, refused("token whose claims cannot be read")
	}
	t.pool = a.PoolName(t.claims.Issuer)
	return t, p, nil
}

// checkClaims looks at claims whose signature is right.
func (a *Checker) checkClaims(pool Pool, c TokenClaims) (Claims, error) {
	now, expires, begins := a.now(), time.Unix(c.Expires, 0), time.Unix(max(c.NotBefore, c.IssuedAt), 0)
	switch {
	case c.Audience != Audience && c.Audience != c.Issuer && !fault.On(fault.AnyAudience):
		return Claims{}, refused("token for the audience %.100q", c.Audience)
	case !now.Before(expires) && !fault.On(fault.AnyExpiry):
		return Claims{}, refused("token expired at %s; the clock here says %s", clock(expires), clock(now))
	case begins.After(now.Add(clockSkew)):
		return Claims{}, refused("token from the future, of %s; the clock here says %s", clock(begins), clock(now))
	case c.Subject == uuid.Nil || c.Tenant == uuid.Nil || c.Session == uuid.Nil:
		return Claims{}, refused("token without its ids")
	}
	return Claims{
		User: c.Subject, Tenant: c.Tenant, Pool: pool.Name, Expires: expires, ID: c.ID.String(), Session: c.Session,
		Client: c.Client, Issued: time.Unix(c.IssuedAt, 0), API: c.Audience == Audience,
	}, nil
}

// clock is a time as the log shows it.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Sign completes the claims of an access token of a pool and signs it.
func (a *Checker) Sign(ctx context.Context, pool Pool, life time.Duration, claims TokenClaims) (string, error) {
	key, err := a.keys.Signer(ctx, pool.ID)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}}, (&jose.SignerOptions{}).WithType(TokenType))
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	now := a.now()
	claims.Issuer, claims.ID = a.Issuer(pool), uuid.Must(uuid.NewV7())
	claims.IssuedAt, claims.Expires = now.Unix(), now.Add(life).Unix()
	text, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return signed.CompactSerialize()
}

// readSecret refuses the token of a machine client whose secret is another one by now, or is no longer good.
func (a *Checker) readSecret(ctx context.Context, k familyKey) error {
	return a.secretHolds(ctx, k.user, k.tenant, k.family, k.pool)
}

// SecretHolds refuses a machine client whose secret is another one by now, or is no longer good: what it opened with the
// secret ends. It asks the database each time.
func (a *Checker) SecretHolds(ctx context.Context, client, tenant, secret uuid.UUID) error {
	return a.secretHolds(ctx, client, tenant, secret, "")
}

// secretHolds also compares the name of the user pool, unless it is "".
func (a *Checker) secretHolds(ctx context.Context, client, tenant, secret uuid.UUID, pool string) error {
	var alive bool
	err := a.db.QueryRow(ctx, `
		select m.expires_at > $5 from identity.machine_client m join identity.pool p on p.id = identity.pool_of(m.tenant_id)
		where m.secret_id = $1 and m.id = $2 and m.tenant_id = $3 and $4 in (p.name, '')`, secret, client, tenant, pool, a.now()).Scan(&alive)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !alive) {
		return refused("token of a secret that is no longer good")
	}
	if err != nil {
		return fmt.Errorf("read machine client: %w", err)
	}
	return nil
}

// SignInHolds refuses a person whose sign-in has ended, which may go unseen for 2 s: what they opened by it ends.
func (a *Checker) SignInHolds(ctx context.Context, user, family uuid.UUID) error {
	_, err := a.families.Get(familyKey{user: user, family: family}, func() (struct{}, error) {
		var alive bool
		err := a.db.QueryRow(ctx, `select exists (select from identity.token_family where id = $1 and user_id = $2 and expires_at > $3)`, family, user, a.now()).Scan(&alive)
		switch {
		case err != nil:
			return struct{}{}, fmt.Errorf("read token family: %w", err)
		case !alive:
			return struct{}{}, refused("stream of a sign-in that has ended")
		}
		return struct{}{}, nil
	})
	return err
}

func (a *Checker) readFamily(ctx context.Context, k familyKey) error {
	var alive bool
	err := a.db.QueryRow(ctx, `
		select f.expires_at > $5 from identity.token_family f join identity.pool p on p.id = f.pool_id
		where f.id = $1 and f.user_id = $2 and f.tenant_id = $3 and p.name = $4`, k.family, k.user, k.tenant, k.pool, a.now()).Scan(&alive)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !alive) {
		return refused("token of a session that has ended")
	}
	if err != nil {
		return fmt.Errorf("read token family: %w", err)
	}
	return nil
}

// Bearer takes the token out of an Authorization header; "" when there is none.
func Bearer(header string) string {
	kind, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return token
}

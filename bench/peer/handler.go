package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How many connections the program has for identity and for tenants' data, see internal/server.
const (
	Connections = 12
	readers     = 24
)

// headerTimeout is how long a request's head may take.
const headerTimeout = 30 * time.Second

// handler is what requests cost at least: net/http and pgx with the same queries and signatures, without pools, throttles,
// checks of the protocol, logs or caches.
type handler struct {
	url      string
	identity *pgxpool.Pool
	data     *pgxpool.Pool
	key      *ecdsa.PrivateKey
}

// Where the handler's process finds the database's administrator, and the address of whoever asks.
const (
	databaseVariable = "CLOUDKIDA_BENCH_DATABASE"
	emailVariable    = "CLOUDKIDA_BENCH_EMAIL"
)

// Start starts the bare handler: this program again, which has to call Serve for the flag. The person of the address asks.
func Start(ctx context.Context, database, email, flag string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return Begin(ctx, []string{databaseVariable + "=" + database, emailVariable + "=" + email}, self, flag)
}

// Serve is the bare handler's process: it serves until ctx ends.
func Serve(ctx context.Context) (err error) {
	p := &handler{}
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	for pool, size := range map[**pgxpool.Pool]int32{&p.identity: Connections, &p.data: readers} {
		cfg, err := pgxpool.ParseConfig(os.Getenv(databaseVariable))
		if err != nil {
			return err
		}
		cfg.MaxConns = size
		if *pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
			return err
		}
		defer (*pool).Close() //nolint:gocritic // both end with the process
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.url = "http://" + l.Addr().String()
	var user uuid.UUID
	if err := p.identity.QueryRow(ctx, `select id from identity."user" where email = $1`, os.Getenv(emailVariable)).Scan(&user); err != nil {
		return fmt.Errorf("find the user: %w", err)
	}
	token, err := p.sign(user)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pools/default/token", p.answer(p.refresh))
	mux.HandleFunc("GET /v1/me/grants", p.answer(p.grants))
	mux.HandleFunc("GET /v1/labs/{slug}", p.answer(p.lab))
	mux.HandleFunc("GET /v1/sessions/{id}", refuse)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := json.NewEncoder(os.Stdout).Encode(Process{URL: p.url, Token: token}); err != nil {
		return err
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// lab is one row by its key, without any check.
func (p *handler) lab(r *http.Request) (any, error) {
	var l struct {
		ID       uuid.UUID       `json:"-"`
		Slug     string          `json:"slug"`
		Title    string          `json:"title"`
		Summary  string          `json:"summary"`
		Level    string          `json:"level"`
		Tags     []string        `json:"tags"`
		Version  int             `json:"version"`
		Overview json.RawMessage `json:"overview"`
	}
	err := p.data.QueryRow(r.Context(), `
		select id, slug, title, summary, level, tags, version, overview from pool.lab where tenant_id = $1 and slug = $2 and archived_at is null`,
		tenancy.DefaultTenant(), r.PathValue("slug")).
		Scan(&l.ID, &l.Slug, &l.Title, &l.Summary, &l.Level, &l.Tags, &l.Version, &l.Overview)
	return l, err
}

// refuse answers what the program answers to an id that is none, to the last header, without looking at anything: what is
// left between the two is what the program decides before it answers so.
func refuse(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	for _, header := range refusalHeaders() {
		h.Set(header[0], header[1])
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
	_, _ = w.Write([]byte(refusal))
}

func refusalHeaders() [][2]string {
	return [][2]string{
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), clipboard-read=(self), clipboard-write=(self), fullscreen=(self), publickey-credentials-create=(self), publickey-credentials-get=(self)"},
		{"RateLimit", `"user";r=999999;t=1`},
		{"RateLimit-Policy", `"user";q=1000000;w=10`},
		{"Referrer-Policy", "strict-origin-when-cross-origin"},
		{"Vary", "Origin"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"X-Request-Id", "019b0000-0000-7000-8000-000000000000"},
	}
}

const refusal = `{"type":"about:blank","title":"Unprocessable Entity","status":422,"code":"invalid_request","detail":"The request has mistakes; see errors.",` +
	`"errors":[{"location":"path.id","message":"invalid value"}],"requestId":"019b0000-0000-7000-8000-000000000000"}`

func (p *handler) answer(find func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := find(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body) // the client may be gone
	}
}

// refresh does what the token endpoint does for a refresh token.
func (p *handler) refresh(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	ctx, hash := r.Context(), sha256.Sum256([]byte(r.PostForm.Get("refresh_token")))
	const client = `select c.name, c.redirect_uris, c.post_logout_uris, c.grants from identity.client c join identity.pool p on p.id = c.pool_id where p.name = 'default' and c.id = $1`
	for range 2 { // once to prove the client, once more by the library
		if _, err := p.identity.Exec(ctx, client, r.PostForm.Get("client_id")); err != nil {
			return nil, err
		}
	}
	var family, user, tenant uuid.UUID
	err := p.identity.QueryRow(ctx, `
		update identity.refresh_token r set used_at = now() from identity.token_family f
		where r.token_hash = $1 and f.id = r.family_id and r.used_at is null and f.expires_at > now() returning f.id, f.user_id, f.tenant_id`, hash[:]).
		Scan(&family, &user, &tenant)
	if err != nil {
		return nil, err
	}
	var role string
	err = p.identity.QueryRow(ctx, `
		select m.role from identity.membership m join identity."user" u on u.id = m.user_id join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and m.tenant_id = $2 and u.pool_id = identity.pool_of(t.id)`, user, tenant).Scan(&role)
	if err != nil {
		return nil, err
	}
	next := uuid.NewString() + uuid.NewString()
	hash = sha256.Sum256([]byte(next))
	err = pgx.BeginFunc(ctx, p.identity, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update identity.token_family set expires_at = now() + interval '1 day' where id = $1`, family); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into identity.refresh_token (token_hash, family_id) values ($1, $2)`, hash[:], family)
		return err
	})
	if err != nil {
		return nil, err
	}
	access, err := p.sign(user)
	if err != nil {
		return nil, err
	}
	id, err := p.sign(user)
	return map[string]string{"access_token": access, "id_token": id, "refresh_token": next}, err
}

// grants checks a token and makes one query.
func (p *handler) grants(r *http.Request) (any, error) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	user, err := p.verify(token)
	if err != nil {
		return nil, err
	}
	rows, err := p.identity.Query(r.Context(), `
		select a.client_id, c.name, coalesce(t.title, ''), a.scopes, a.created_at
		from identity.client_approval a join identity.client c on c.pool_id = a.pool_id and c.id = a.client_id left join control.tenant t on t.id = c.tenant_id
		where a.user_id = $1 order by a.created_at desc, a.client_id limit 200`, user)
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToMap)
	return map[string]any{"items": items}, err
}

// claims are those that the program's own tokens have.
type claims struct {
	Issuer  string    `json:"iss"`
	Subject uuid.UUID `json:"sub"`
	Expires int64     `json:"exp"`
	ID      uuid.UUID `json:"jti"`
}

const jwtHeader = `{"alg":"ES256","typ":"at+jwt"}`

func (p *handler) sign(user uuid.UUID) (string, error) {
	text, err := json.Marshal(claims{Issuer: p.url, Subject: user, Expires: time.Now().Add(time.Hour).Unix(), ID: uuid.New()})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(jwtHeader)) + "." + base64.RawURLEncoding.EncodeToString(text)
	sum := sha256.Sum256([]byte(signed))
	signature, err := ecdsa.SignASN1(rand.Reader, p.key, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

var errToken = errors.New("the token is not valid")

func (p *handler) verify(token string) (uuid.UUID, error) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return uuid.Nil, errToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return uuid.Nil, err
	}
	sum := sha256.Sum256([]byte(token[:dot]))
	if !ecdsa.VerifyASN1(&p.key.PublicKey, sum[:], signature) {
		return uuid.Nil, errToken
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return uuid.Nil, err
	}
	var c claims
	if err := json.Unmarshal(text, &c); err != nil || time.Now().Unix() > c.Expires {
		return uuid.Nil, errToken
	}
	return c.Subject, nil
}

package identity

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// ClientConfig is what a client must know before anybody is signed in.
type ClientConfig struct {
	Issuer   string `json:"issuer" doc:"OpenID Provider to sign in with" example:"https://labs.example.com/pools/default"`
	ClientID string `json:"clientId" doc:"OpenID client of the console"`
	Tenant   Tenant `json:"tenant"`
	Version  string `json:"version" doc:"Of the program"`
	SignUp   bool   `json:"signUp" doc:"Whether people may sign up by themselves"`

	Branding brand.View `json:"branding" doc:"What the organisation's pages look like"`
}

// Me is the caller.
type Me struct {
	ID       uuid.UUID    `json:"id"`
	Email    string       `json:"email"`
	Name     string       `json:"name"`
	Role     tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	Operator bool         `json:"operator" doc:"Whether the caller runs the installation"`
	Tenant   Tenant       `json:"tenant"`
	Tenants  []MyTenant   `json:"tenants" doc:"All that the caller may switch to, the one joined first at the top"`
	Branding brand.View   `json:"branding" doc:"What the organisation's pages look like"`

	AddressPage string `json:"addressPage" format:"uri" doc:"Where one changes one's e-mail address: it needs the browser's own sign-in"`
}

// ListedUser is a user as operators see it.
type ListedUser struct {
	ID        uuid.UUID `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Pool      string    `json:"pool"`
	Role      string    `json:"role" doc:"In the organisation that the user joined first; empty without one"`
	Operator  bool      `json:"operator"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"createdAt"`
}

// UserList is a page of users, the newest first.
type UserList struct {
	Items []ListedUser `json:"items" nullable:"false"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// OneTimeLink is shown once: hand it to the person whom it is for.
type OneTimeLink struct {
	Link string `json:"link" format:"uri"`
}

type answer[T any] struct{ Body T }

// Register adds the API's routes.
func (s *Service) Register(api huma.API) {
	s.approvals.Register(api)
	s.settings.Register(api)
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/config", "get-config", httpx.Public, "What a client must know to sign in", "identity"),
		func(ctx context.Context, in *struct {
			Tenant string `query:"tenant" maxLength:"40" doc:"Name of an organisation, whose sign-in may be another one"`
		}) (*answer[ClientConfig], error) {
			return reply(s.clientConfig(ctx, in.Tenant))
		})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/me", "get-me", httpx.SignedIn, "The caller", "identity"),
		func(ctx context.Context, _ *struct{}) (*answer[Me], error) { return reply(s.me(ctx)) })
	huma.Register(api, httpx.Operation(http.MethodPatch, "/v1/me", "update-me", httpx.SignedIn, "Change one's name", "identity"),
		func(ctx context.Context, in *struct {
			Body struct {
				Name string `json:"name" maxLength:"400" doc:"At most 100 characters"`
			}
		}) (*answer[Me], error) {
			return reply(s.rename(ctx, in.Body.Name))
		})
	change := httpx.Operation(http.MethodPost, "/v1/me/password", "change-password", httpx.SignedIn, "Change one's password; needs a sign-in of the last 10 minutes, and every other session ends", "identity")
	change.DefaultStatus = http.StatusNoContent
	huma.Register(api, change, func(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
		return nil, s.changeOwnPassword(ctx, in.token, in.Body.Current, in.Body.New)
	})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/users", "list-users", policy.OperatorRead, "Users of the installation", "operator"),
		func(ctx context.Context, in *listUsersInput) (*answer[UserList], error) {
			return reply(s.operatorUsers(ctx, in))
		})
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/operator/users/{id}/password-reset", "reset-password", policy.OperatorWrite, "Make a link with which a user chooses a new password", "operator"),
		func(ctx context.Context, in *struct {
			ID uuid.UUID `path:"id" format:"uuid"`
		}) (*answer[OneTimeLink], error) {
			return reply(s.operatorReset(ctx, in.ID))
		})
	s.People.Register(api)
	s.Factors.Register(api)
	s.sessions.Register(api)
}

func reply[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: body}, nil
}

func (s *Service) clientConfig(ctx context.Context, name string) (ClientConfig, error) {
	name = cmp.Or(name, DefaultPool)
	tenant, poolName, err := s.tenantNamed(ctx, name)
	if err != nil {
		return ClientConfig{}, err
	}
	look, err := s.lookOf(ctx, tenant.ID)
	if err != nil {
		return ClientConfig{}, err
	}
	pool, err := s.Pool(ctx, poolName)
	return ClientConfig{
		Issuer: s.Issuer(pool), ClientID: ConsoleClient, Tenant: tenant, Version: s.version, SignUp: pool.SignUp && name == DefaultPool, Branding: look,
	}, err
}

func (s *Service) me(ctx context.Context) (Me, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Me{}, gateway.ErrSignIn
	}
	who, err := s.People.ByID(ctx, scope.User)
	if err != nil {
		return Me{}, err
	}
	if who.ID == uuid.Nil {
		return Me{}, people.ErrNone.Because("This is a machine client: there is nobody to tell about.")
	}
	tenant, err := s.tenant(ctx, scope.Tenant)
	if err != nil {
		return Me{}, err
	}
	look, err := s.lookOf(ctx, scope.Tenant)
	if err != nil {
		return Me{}, err
	}
	pool, err := s.poolOf(ctx, scope.User)
	if err != nil {
		return Me{}, err
	}
	tenants, err := s.tenantsOf(ctx, scope.User)
	return Me{
		AddressPage: s.Issuer(pool) + "/address",
		ID:          who.ID, Email: who.Email, Name: who.Name, Role: scope.Role, Operator: who.Operator, Tenant: tenant, Tenants: tenants, Branding: look,
	}, err
}

func (s *Service) rename(ctx context.Context, name string) (Me, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Me{}, gateway.ErrSignIn
	}
	name = address.CleanName(name)
	if problem := address.CheckName(name); problem != "" {
		return Me{}, people.ErrInvalid.WithFields(errs.Field{Path: "body.name", Message: problem})
	}
	if err := s.People.Rename(ctx, scope.User, name); err != nil {
		return Me{}, err
	}
	return s.me(ctx)
}

type changePasswordInput struct {
	Body struct {
		Current string `json:"current" maxLength:"1024"`
		New     string `json:"new" maxLength:"1024"`
	}
	token string // of the request itself: its session goes on
}

// Resolve takes the access token from the header; the gateway has verified it.
func (in *changePasswordInput) Resolve(ctx huma.Context) []error {
	in.token = access.Bearer(ctx.Header("Authorization"))
	return nil
}

var errCurrent = errs.Invalid("wrong_password", "The current password is not right.").
	WithFields(errs.Field{Path: "body.current", Message: "This is not your current password."})

// ConfirmPassword asks a signed-in user for the password once more; another one is an error of the kind invalid.
func (s *Service) ConfirmPassword(ctx context.Context, pool string, user uuid.UUID, given string) error {
	who, err := s.People.ByID(ctx, user)
	if err != nil {
		return err
	}
	return s.confirm(ctx, Pool{Name: pool}, who, given)
}

func (s *Service) confirm(ctx context.Context, pool Pool, who people.Account, given string) error {
	pair, account, _ := signInKeys(pool, who.Email, "signed in")
	if wait := s.throttle.Try(pair, account); wait > 0 {
		return errs.Limited("too_many_tries", "").Because("Too many tries. Wait %s, then try again.", wait.Round(time.Second))
	}
	right, err := s.People.Verify(ctx, who, given)
	if err == nil && !right {
		return errCurrent
	}
	s.throttle.Forgive(pair, account)
	return err
}

// changeOwnPassword asks for the current password, as whoever finds an open screen does not know it.
func (s *Service) changeOwnPassword(ctx context.Context, token, current, next string) error {
	claims, err := s.Verify(ctx, token)
	if err != nil {
		return err
	}
	if err := s.RequireFresh(ctx, FreshTime); err != nil {
		return err
	}
	who, err := s.People.ByID(ctx, claims.User)
	if err != nil {
		return err
	}
	pool, err := s.Pool(ctx, claims.Pool)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, pool, who, current); err != nil {
		return err
	}
	hash, err := s.People.Hash(ctx, pool, who.User, next)
	var weak *errs.Error
	if errors.As(err, &weak) && len(weak.Fields) > 0 {
		return people.ErrPassword.WithFields(errs.Field{Path: "body.new", Message: weak.Fields[0].Message})
	}
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := people.ChangePassword(ctx, tx, who.ID, hash, claims.Session, false); err != nil {
			return err
		}
		return s.Proofs.PasswordChanged(ctx, tx, pool, who.Email, "")
	})
	if err != nil {
		return err
	}
	s.Forget(who.ID)
	s.log.InfoContext(ctx, "a user changed the password", "user", who.ID)
	return nil
}

type listUsersInput struct {
	Q      string `query:"q" maxLength:"200" doc:"Start of an e-mail address, or of a word of a name"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"36" doc:"next of the page before"`
}

var errCursor = errs.Malformed("invalid_cursor", "The cursor is not one of ours; start from the first page.")

func (s *Service) operatorUsers(ctx context.Context, in *listUsersInput) (UserList, error) {
	before := uuid.Nil
	if in.Cursor != "" {
		var err error
		if before, err = uuid.Parse(in.Cursor); err != nil {
			return UserList{}, errCursor.Wrap(err)
		}
	}
	found, err := s.People.List(ctx, in.Q, before, in.Limit+1)
	if err != nil {
		return UserList{}, err
	}
	list := UserList{Items: make([]ListedUser, 0, len(found))}
	for _, u := range found[:min(len(found), in.Limit)] {
		list.Items = append(list.Items, ListedUser{
			ID: u.ID, Email: u.Email, Name: u.Name, Pool: u.Pool, Role: u.Role, Operator: u.Operator, Disabled: u.Disabled, CreatedAt: u.CreatedAt,
		})
	}
	if len(found) > in.Limit {
		list.Next = found[in.Limit-1].ID.String()
	}
	return list, nil
}

func (s *Service) operatorReset(ctx context.Context, user uuid.UUID) (OneTimeLink, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return OneTimeLink{}, gateway.ErrSignIn
	}
	link, err := s.ResetLink(ctx, user)
	if err != nil {
		return OneTimeLink{}, err
	}
	s.log.InfoContext(ctx, "an operator made a password reset link", "operator", scope.User, "user", user, "request", scope.Request)
	return OneTimeLink{Link: link}, nil
}

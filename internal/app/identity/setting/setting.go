// Package setting is how operators, and organisations that have one of their own, set a user pool up: how long its tokens live, who may sign up, how long passwords are at
// least, and when its signing keys change.
package setting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Who may sign up by themselves.
const (
	Open       = "open"       // anybody
	Invitation = "invitation" // nobody
	Domains    = "domains"    // people with an e-mail address of one of the domains
)

// Settings are a pool's own; zero values are the program's.
type Settings struct {
	AccessMinutes    int      `json:"accessMinutes,omitempty" minimum:"5" maximum:"60" doc:"How long access tokens are good; 10 when absent"`
	RefreshIdleHours int      `json:"refreshIdleHours,omitempty" minimum:"1" maximum:"2160" doc:"A sign-in of a program that is not used for so long ends; 168 when absent"`
	RefreshHours     int      `json:"refreshHours,omitempty" minimum:"1" maximum:"8760" doc:"Any sign-in of a program ends after this; 720 when absent"`
	SignUp           string   `json:"signUp" enum:"open,invitation,domains" doc:"Who may sign up by themselves"`
	Domains          []string `json:"domains,omitempty" maxItems:"100" doc:"Of e-mail addresses, for the rule domains"`
	PasswordMin      int      `json:"passwordMin,omitempty" minimum:"12" maximum:"64" doc:"Fewest characters of a new password; 8 when absent. There are no rules on kinds of characters: what is common or personal is refused"`
}

// View is a pool with its settings.
type View struct {
	Name   string `json:"name"`
	Issuer string `json:"issuer"`
	Settings
	version int64
}

// Service reads and changes settings.
type Service struct {
	DB     *pgxpool.Pool // of the role identity
	Keys   *keyring.Ring
	Access *access.Checker
	Log    *slog.Logger
}

// The errors that callers can tell apart.
var (
	ErrChanged = errs.Changed("pool_changed", "Somebody else has changed these settings. Load them again.")

	// ErrShared says that a pool is not one organisation's to change.
	ErrShared = errs.Conflict("shared_sign_in", "Your organisation shares its sign-in with others, so whoever runs this installation sets it up. An organisation with its own data store has its own.")

	errSettings = errs.Invalid("invalid_settings", "The pool cannot be set up like this; see errors.")
)

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// clean checks settings and brings them into the form in which they are kept.
func (s Settings) clean() (Settings, error) {
	var fields []errs.Field
	problem := func(path, message string) {
		fields = append(fields, errs.Field{Path: "body." + path, Message: message})
	}
	idle, longest := s.RefreshIdleHours, s.RefreshHours
	if idle == 0 {
		idle = int(access.DefaultRefreshIdle / time.Hour)
	}
	if longest == 0 {
		longest = int(access.DefaultRefresh / time.Hour)
	}
	if idle > longest {
		problem("refreshIdleHours", "must not be longer than refreshHours")
	}
	for i, d := range s.Domains {
		s.Domains[i] = strings.ToLower(strings.TrimSpace(d))
		if !domain.MatchString(s.Domains[i]) {
			problem("domains", fmt.Sprintf("%q is no domain such as example.com", d))
		}
	}
	slices.Sort(s.Domains)
	s.Domains = slices.Compact(s.Domains)
	switch {
	case s.SignUp == Domains && len(s.Domains) == 0:
		problem("domains", "name at least one domain")
	case s.SignUp != Domains && len(s.Domains) > 0:
		problem("domains", "belong to the rule domains alone")
	}
	if len(fields) > 0 {
		return s, errSettings.WithFields(fields...)
	}
	return s, nil
}

// Get returns a pool's settings.
func (s *Service) Get(ctx context.Context, name string) (View, error) {
	return s.view(ctx, s.DB.QueryRow(ctx, `select `+columns+` from identity.pool where name = $1`, name), access.ErrNoPool)
}

const columns = `name, sign_up, coalesce(sign_up_domains, '{}'), coalesce(access_seconds, 0) / 60, coalesce(refresh_idle_seconds, 0) / 3600,
	coalesce(refresh_seconds, 0) / 3600, coalesce(password_min, 0), version`

func (s *Service) view(_ context.Context, row pgx.Row, none error) (v View, err error) {
	var signUp bool
	err = row.Scan(&v.Name, &signUp, &v.Domains, &v.AccessMinutes, &v.RefreshIdleHours, &v.RefreshHours, &v.PasswordMin, &v.version)
	if errors.Is(err, pgx.ErrNoRows) {
		return View{}, none
	}
	if err != nil {
		return View{}, fmt.Errorf("read settings: %w", err)
	}
	if v.SignUp = rule(signUp, len(v.Domains) > 0); v.SignUp != Domains {
		v.Domains = nil
	}
	v.Issuer = s.Access.Issuer(access.Pool{Name: v.Name})
	return v, nil
}

// recorder keeps what was changed in the log of whoever changed it.
type recorder func(ctx context.Context, tx pgx.Tx, e audit.Entry) error

func byOperator(ctx context.Context, tx pgx.Tx, e audit.Entry) error {
	return audit.Operated(ctx, tx, audit.Operation{Entry: e})
}

// Set changes the settings of a pool that is still as the operator has seen it.
func (s *Service) Set(ctx context.Context, name string, version int64, in Settings) (View, error) {
	return s.set(ctx, name, version, in, byOperator)
}

func (s *Service) set(ctx context.Context, name string, version int64, in Settings, record recorder) (View, error) {
	in, err := in.clean()
	if err != nil {
		return View{}, err
	}
	before, err := s.Get(ctx, name)
	if err != nil {
		return View{}, err
	}
	var v View
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		v, err = s.view(ctx, tx.QueryRow(ctx, `
		update identity.pool set version = version + 1, sign_up = @sign_up, sign_up_domains = nullif(@domains::text[], '{}'),
			access_seconds = nullif(@access::integer, 0) * 60, refresh_idle_seconds = nullif(@idle::integer, 0) * 3600,
			refresh_seconds = nullif(@refresh::integer, 0) * 3600, password_min = nullif(@password::integer, 0)
		where name = @name and version = @version returning `+columns, pgx.NamedArgs{
			"name": name, "version": version, "sign_up": in.SignUp != Invitation, "domains": append([]string{}, in.Domains...),
			"access": in.AccessMinutes, "idle": in.RefreshIdleHours, "refresh": in.RefreshHours, "password": in.PasswordMin,
		}), ErrChanged)
		if err != nil {
			return err
		}
		return record(ctx, tx, audit.Entry{Action: "pool.changed", Target: name, Before: before.Settings, After: v.Settings})
	})
	if err != nil {
		return View{}, err
	}
	s.Access.ForgetTenant(uuid.Nil) // pools; the others see it within two seconds
	scope, _ := tenancy.From(ctx)
	s.Log.InfoContext(ctx, "the settings of a user pool were changed", "user", scope.User, "pool", name, "settings", v.Settings, "request", scope.Request)
	return v, nil
}

// Rotate gives a pool a new signing key, for an operator.
func (s *Service) Rotate(ctx context.Context, name string) (keyring.Rotation, error) {
	return s.rotate(ctx, name, byOperator)
}

func (s *Service) rotate(ctx context.Context, name string, record recorder) (keyring.Rotation, error) {
	pool, err := s.Access.Pool(ctx, name)
	if err != nil {
		return keyring.Rotation{}, err
	}
	done, err := s.Keys.Rotate(ctx, pool.ID, func(tx pgx.Tx, done keyring.Rotation) error {
		return record(ctx, tx, audit.Entry{Action: "pool.keys_rotated", Target: name, Detail: map[string]any{"keyId": done.Key, "signsAt": done.SignsAt}})
	})
	if err != nil {
		return keyring.Rotation{}, err
	}
	scope, _ := tenancy.From(ctx)
	s.Log.InfoContext(ctx, "the signing keys of a user pool were rotated", "user", scope.User, "pool", name, "key", done.Key, "request", scope.Request)
	return done, nil
}

package setting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Listed is a pool in the list of all.
type Listed struct {
	Name   string `json:"name"`
	Issuer string `json:"issuer"`
	Title  string `json:"title" doc:"Of the organisation whose pool it is"`
	Shared bool   `json:"shared" doc:"The people of all organisations without a pool of their own are in it"`
	SignUp string `json:"signUp" enum:"open,invitation,domains"`
	MFA    string `json:"mfa" enum:"off,optional,required,required_for" doc:"Who needs a second step"`
}

// List returns pools by name, from the one after a name on.
func (s *Service) List(ctx context.Context, beginning, after string, limit int) ([]Listed, error) {
	rows, err := s.DB.Query(ctx, `
		select p.name, t.title, p.name = $4, p.sign_up, p.sign_up_domains is not null, p.mfa
		from identity.pool p join control.tenant t on t.id = p.tenant_id
		where p.name > $1 and starts_with(p.name, $2) order by p.name limit $3`, after, beginning, limit, sharedPool)
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Listed, err error) {
		var signUp, domains bool
		err = row.Scan(&p.Name, &p.Title, &p.Shared, &signUp, &domains, &p.MFA)
		p.Issuer, p.SignUp = s.Access.Issuer(access.Pool{Name: p.Name}), rule(signUp, domains)
		return p, err
	})
}

// rule names who may sign up.
func rule(signUp, domains bool) string {
	switch {
	case !signUp:
		return Invitation
	case domains:
		return Domains
	}
	return Open
}

// The states of a signing key.
const (
	keyNext    = "next"    // published, and signs later
	keySigning = "signing" // signs now
	keyRetired = "retired" // published until the last token that it signed has ended
)

// SigningKey is one of a pool's.
type SigningKey struct {
	ID      string     `json:"id" doc:"Key id (kid)"`
	State   string     `json:"state" enum:"next,signing,retired" doc:"next: published, and signs later; signing: signs now; retired: published until the last token that it signed has ended"`
	SignsAt time.Time  `json:"signsAt" doc:"It signs from then on"`
	Until   *time.Time `json:"until,omitempty" doc:"It is published until then; absent while it signs"`
}

// KeyList are the keys of a pool.
type KeyList struct {
	Items  []SigningKey `json:"items" nullable:"false" doc:"The newest first"`
	NextAt time.Time    `json:"nextAt" doc:"The newest is replaced by itself from then on"`
}

// ListKeys returns a pool's signing keys, without their secret halves.
func (s *Service) ListKeys(ctx context.Context, name string) (KeyList, error) {
	pool, err := s.Access.Pool(ctx, name)
	if err != nil {
		return KeyList{}, err
	}
	keys, err := s.Keys.All(ctx, pool.ID)
	if err != nil {
		return KeyList{}, err
	}
	signer, err := s.Keys.Signer(ctx, pool.ID)
	if err != nil {
		return KeyList{}, err
	}
	list := KeyList{Items: []SigningKey{}, NextAt: keys[0].SignsAt().Add(keyring.Life)}
	state := keyNext // the newest first: before the one that signs come those that will
	for _, k := range keys {
		item := SigningKey{ID: k.ID(), State: state, SignsAt: k.SignsAt(), Until: k.ExpiresAt()}
		if k.ID() == signer.ID() {
			item.State, state = keySigning, keyRetired
		}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

// maxCounted bounds how many people are counted.
const maxCounted = 10_000

// People is how many a rule is about.
type People struct {
	People  int  `json:"people" doc:"Who can sign in; 10,000 at most are counted"`
	Without int  `json:"without" doc:"Of those, who have no second step"`
	More    bool `json:"more" doc:"There are more people than were counted"`
}

// CountPeople tells how many people of a pool a change of its rules is felt by.
func (s *Service) CountPeople(ctx context.Context, name string) (p People, err error) {
	pool, err := s.Access.Pool(ctx, name)
	if err != nil {
		return p, err
	}
	err = s.DB.QueryRow(ctx, `
		select count(*), count(*) filter (where not exists (select from identity.factor f where f.user_id = u.id and f.confirmed_at is not null))
		from (select id from identity."user" where pool_id = $1 and disabled_at is null limit $2) u`, pool.ID, maxCounted+1).Scan(&p.People, &p.Without)
	if err != nil {
		return p, fmt.Errorf("count people: %w", err)
	}
	p.More = p.People > maxCounted
	return p, nil
}

// sharedPool is the pool of all organisations without one of their own.
const sharedPool = "default"

// own is the pool that the caller's organisation signs in with; changes are refused where it shares that with others.
func (s *Service) own(ctx context.Context, change bool) (name string, shared bool, err error) {
	scope, _ := tenancy.From(ctx)
	err = s.DB.QueryRow(ctx, `select name from identity.pool where id = identity.pool_of($1)`, scope.Tenant).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, access.ErrNoPool
	}
	if err != nil {
		return "", false, fmt.Errorf("read the organisation's pool: %w", err)
	}
	if shared = name == sharedPool; shared && change {
		return "", true, ErrShared
	}
	return name, shared, nil
}

package server

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openAudit makes what seals and checks audit logs.
func (p *program) openAudit() {
	keeper := &db.Keeper{Pool: p.pools.worker, Places: p.places}
	p.sealer = &chain.Sealer{Keeper: keeper, Pool: p.pools.worker, Signer: p.signer, Log: p.log}
	p.relay = &audit.Relay{Identity: p.pools.identity, DB: p.data, System: policy.TenantSystem, Log: p.log}
	p.denials = &audit.Denials{DB: p.data, Identity: p.pools.identity, System: policy.TenantSystem, Log: p.log, Now: time.Now}
	p.identity.FailedSignIn, p.identity.Factors.Failed = p.failedSignIn, p.failedSignIn
	p.verifier = &chain.Verifier{Keeper: keeper, Keys: chain.Keys{p.signer.Public()}}
}

// denied counts what somebody tried and may not do, for the log of their organisation. One that is closed hears of nothing: its
// people are all refused.
func (p *program) denied(ctx context.Context, scope tenancy.Scope, op *huma.Operation, code string) {
	switch code {
	case "tenant_provisioning", "tenant_suspended", "tenant_offboarding", "tenant_purged", "tenant_closed":
		return
	}
	p.denials.Add(ctx, audit.Denial{
		Tenant: scope.Tenant, Actor: scope.User, Kind: scope.Actor(), Action: "access.denied", Target: op.Method + " " + op.Path, Code: code,
	})
}

// failedSignIn counts sign-ins that failed at somebody's account, for the logs of their organisations. Nobody else hears of it,
// and it takes as long as for an address without an account, which is told nowhere.
func (p *program) failedSignIn(ctx context.Context, user uuid.UUID, step string) {
	p.denials.Add(ctx, audit.Denial{Person: user, Kind: tenancy.Program, Action: "sign_in.failed", Target: user.String(), Code: step})
}

// RetainArgs is the job that deletes entries which are older than a tenant's plan keeps them.
type RetainArgs struct{}

// Kind names the job.
func (RetainArgs) Kind() string { return "audit.retain" }

// How often old entries are deleted.
const retainEvery = 6 * time.Hour

type retainWorker struct {
	river.WorkerDefaults[RetainArgs]
	program *program
}

// Timeout leaves time for many tenants; one without old entries takes milliseconds.
func (w *retainWorker) Timeout(*river.Job[RetainArgs]) time.Duration { return time.Hour }

func (w *retainWorker) Work(ctx context.Context, _ *river.Job[RetainArgs]) error {
	return w.program.retainAudit(ctx, w.program.now())
}

// now is the time by which entries grow old.
func (p *program) now() time.Time {
	if p.cfg.Clock != nil {
		return p.cfg.Clock()
	}
	return time.Now()
}

// retainAudit deletes what is too old now, of every tenant whose plan says how long its log is kept.
func (p *program) retainAudit(ctx context.Context, now time.Time) error {
	return eachTenant(ctx, p.pools.control, "", func(id uuid.UUID, name string) error {
		plan, err := p.tiers.Of(ctx, id)
		if err != nil {
			return err
		}
		days, bounded := plan.Limit(tier.AuditDays)
		if !bounded {
			return nil
		}
		deleted, err := p.sealer.Retain(ctx, id, now.AddDate(0, 0, -int(min(days, maxAuditDays))))
		if deleted > 0 {
			p.log.InfoContext(ctx, "old audit entries were deleted", "tenant", id, "days", days, "entries", deleted)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// maxAuditDays keeps times within what can be counted: a thousand years are for ever.
const maxAuditDays = 365_000

// workAudit seals and relays entries until ctx ends.
func (p *program) workAudit(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { p.relay.Run(ctx) })
	both.Go(func() { p.sealer.Run(ctx) })
	both.Wait()
}

// VerifyRequest asks for a check of audit logs on the server's own machine.
type VerifyRequest struct {
	Data, MasterKey, DatabaseURL string
	Tenant                       string // its name; empty: all, and the operators' log
	Operators                    bool   // the operators' log alone
	Holds                        string // of the one tenant: a head that was kept apart
	Key                          string // file with another public key that may have signed
}

// OperatorsLog is what the operators' log is called beside the names of tenants, none of which has a space.
const OperatorsLog = "operators' log"

// VerifyAudit checks the audit logs of one tenant, of operators, or of all, and hands out a report of each, with its name.
func VerifyAudit(ctx context.Context, r VerifyRequest, report func(name string, r *chain.Report) error) error {
	signer, keys, err := r.keys()
	if err != nil {
		return err
	}
	in, err := openInstallation(r.Data, r.MasterKey, r.DatabaseURL)
	if err != nil {
		return err
	}
	const connections = 2
	control, err := in.Open(ctx, db.Control, connections)
	if err != nil {
		return err
	}
	defer control.Close()
	worker, err := in.Open(ctx, db.Worker, connections)
	if err != nil {
		return err
	}
	defer worker.Close()
	places, err := db.NewPlaces(control)
	if err != nil {
		return err
	}
	v := &chain.Verifier{Keeper: &db.Keeper{Pool: worker, Places: places}, Keys: append(keys, signer.Public())}
	check := func(id uuid.UUID, name string) error {
		found, err := v.Verify(ctx, id, chain.Limits{Holds: r.Holds})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return report(name, found)
	}
	if r.Operators {
		return check(chain.Operators(), OperatorsLog)
	}
	err = eachTenant(ctx, control, r.Tenant, check)
	if r.Tenant == "" {
		err = errors.Join(err, check(chain.Operators(), OperatorsLog))
	}
	return err
}

// eachTenant calls fn for the tenants that have data, by name, or for one.
func eachTenant(ctx context.Context, control *pgxpool.Pool, only string, fn func(id uuid.UUID, name string) error) error {
	rows, err := control.Query(ctx, `select id, name from control.tenant where status <> 'purged' and ($1 = '' or name = $1) order by name`, only)
	if err != nil {
		return fmt.Errorf("list tenants: %w (is the server running?)", err)
	}
	type row struct {
		ID   uuid.UUID
		Name string
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	if len(list) == 0 {
		return fmt.Errorf("--tenant: there is no organisation %s", only)
	}
	for _, t := range list { // one that cannot be read, such as a silo that is being upgraded, does not keep the others
		err = errors.Join(err, fn(t.ID, t.Name))
	}
	return err
}

// VerifyAuditFile checks an exported audit log without a database: with the key that is given, and that of this machine's
// installation if it has one.
func VerifyAuditFile(name string, r VerifyRequest, partial bool) (*chain.FileReport, error) {
	signer, keys, err := r.keys()
	switch {
	case err == nil:
		keys = append(keys, signer.Public())
	case len(keys) == 0:
		return nil, fmt.Errorf("--key: give the public key of the installation that made the file (GET /v1/proof-key): %w", err)
	}
	in, err := os.Open(name) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	return chain.VerifyFile(in, chain.FileOptions{Keys: keys, Partial: partial, Holds: r.Holds})
}

var errPublicKey = errors.New("--key: want an Ed25519 public key as PEM, as GET /v1/proof-key gives it")

// keys are the public key that was given, if one was, and this installation's signer.
func (r VerifyRequest) keys() (signer *proof.Signer, keys chain.Keys, err error) {
	if r.Key != "" {
		text, err := os.ReadFile(r.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("--key: %w", err)
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, nil, errPublicKey
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		public, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, nil, errPublicKey
		}
		keys = chain.Keys{public}
	}
	if r.MasterKey == "" { // a key is not made here: it would be another installation's
		if _, err := os.Stat(r.Data + "/" + secret.File); err != nil {
			return nil, keys, err
		}
	}
	key, err := secret.Load(r.Data, r.MasterKey)
	if err != nil {
		return nil, keys, err
	}
	signer, err = proof.New(key)
	return signer, keys, err
}

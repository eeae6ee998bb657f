package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How long keys are kept in memory before they are read again, and how soon an unknown key id leads to another reading.
const (
	keysLife  = time.Minute
	keysPause = 5 * time.Second
)

const sealPurpose = "identity signing key"

// signingKey is one key pair of a pool; it is also what op signs with.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
	retired bool // published, but signs no more
}

func (k *signingKey) ID() string                                  { return k.id }
func (k *signingKey) Key() any                                    { return k.private }
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

// publicKey is what is published of a key.
type publicKey struct{ *signingKey }

func (k publicKey) Key() any                           { return &k.private.PublicKey }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }

// keyring has the opened keys of every pool in memory, so that verifying a token needs no database.
type keyring struct {
	store *Service
	now   func() time.Time

	mu    sync.Mutex
	pools map[uuid.UUID]poolKeys // bounded by the number of pools
}

type poolKeys struct {
	keys []*signingKey // the newest first
	read time.Time
}

// all returns a pool's keys, the newest first; the first start of a pool makes one.
func (r *keyring) all(ctx context.Context, pool uuid.UUID) ([]*signingKey, error) {
	return r.fresh(ctx, pool, keysLife)
}

// signer is the key that signs now.
func (r *keyring) signer(ctx context.Context, pool uuid.UUID) (*signingKey, error) {
	keys, err := r.all(ctx, pool)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !k.retired {
			return k, nil
		}
	}
	return nil, fmt.Errorf("pool %s has no key that signs", pool)
}

// find returns the key of this id, or nil. Another process may have made it a moment ago.
func (r *keyring) find(ctx context.Context, pool uuid.UUID, id string) (*signingKey, error) {
	for _, life := range []time.Duration{keysLife, keysPause} {
		keys, err := r.fresh(ctx, pool, life)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if k.id == id {
				return k, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // "none" is an answer here
}

func (r *keyring) fresh(ctx context.Context, pool uuid.UUID, life time.Duration) ([]*signingKey, error) {
	r.mu.Lock()
	known, ok := r.pools[pool]
	r.mu.Unlock()
	if ok && r.now().Sub(known.read) < life {
		return known.keys, nil
	}
	read := r.now()
	keys, err := r.store.readKeys(ctx, pool)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools[pool] = poolKeys{keys: keys, read: read}
	return keys, nil
}

// readKeys reads and opens a pool's keys and makes the first.
func (s *Service) readKeys(ctx context.Context, pool uuid.UUID) (keys []*signingKey, err error) {
	keys, err = s.selectKeys(ctx, s.db, pool)
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "signing key "+pool.String()); err != nil {
			return err
		}
		if keys, err = s.selectKeys(ctx, tx, pool); err != nil || len(keys) > 0 {
			return err
		}
		key, err := s.insertKey(ctx, tx, pool)
		keys = []*signingKey{key}
		return err
	})
	return keys, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Service) selectKeys(ctx context.Context, q querier, pool uuid.UUID) ([]*signingKey, error) {
	rows, err := q.Query(ctx, `
		select id, sealed, retired_at is not null from identity.signing_key
		where pool_id = $1 and (expires_at is null or expires_at > now()) order by created_at desc limit 20`, pool)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*signingKey, error) {
		var k signingKey
		var sealed []byte
		if err := row.Scan(&k.id, &sealed, &k.retired); err != nil {
			return nil, fmt.Errorf("read signing keys: %w", err)
		}
		plain, err := s.key.Open(sealPurpose, sealed)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.id, err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(plain)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.id, err)
		}
		private, ok := parsed.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("signing key %s is not an ECDSA key", k.id)
		}
		k.private = private
		return &k, nil
	})
}

func (s *Service) insertKey(ctx context.Context, tx pgx.Tx, pool uuid.UUID) (*signingKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	sealed, err := s.key.Seal(sealPurpose, plain)
	if err != nil {
		return nil, fmt.Errorf("seal a signing key: %w", err)
	}
	k := &signingKey{id: base64.RawURLEncoding.EncodeToString(thumbprint), private: private}
	if _, err := tx.Exec(ctx, `insert into identity.signing_key (id, pool_id, algorithm, sealed) values ($1, $2, 'ES256', $3)`, k.id, pool, sealed); err != nil {
		return nil, fmt.Errorf("store a signing key: %w", err)
	}
	return k, nil
}

// lock serialises a rare transaction among all processes until it ends.
func lock(ctx context.Context, tx pgx.Tx, what string) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: "+what); err != nil {
		return fmt.Errorf("lock %s: %w", what, err)
	}
	return nil
}

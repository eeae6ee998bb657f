// Package keyring has the signing keys of every user pool: sealed in the database, opened in memory, so that verifying a
// token needs no query.
package keyring

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// How long keys are kept in memory before they are read again, and how soon an unknown key id leads to another reading.
const (
	keysLife  = time.Minute
	keysPause = 5 * time.Second
)

const sealPurpose = "identity signing key"

// Key is one key pair of a pool; it is what OpenID libraries sign with.
type Key struct {
	id      string
	private *ecdsa.PrivateKey
	signs   time.Time  // signs from then on; published before
	retired *time.Time // signs no more since then
	expires *time.Time // published until then
}

// SignsAt is when the key begins to sign.
func (k *Key) SignsAt() time.Time { return k.signs }

// ExpiresAt is until when the key is published; nil while it signs.
func (k *Key) ExpiresAt() *time.Time { return k.expires }

// ID is the key's id (kid): the thumbprint of its public half.
func (k *Key) ID() string { return k.id }

// Key is the private half.
func (k *Key) Key() any { return k.private }

// SignatureAlgorithm is what the key signs with.
func (k *Key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

// Public is the half that is published and verifies.
func (k *Key) Public() PublicKey { return PublicKey{k} }

// PublicKey is the public half of a key.
type PublicKey struct{ pair *Key }

// ID is the key's id.
func (k PublicKey) ID() string { return k.pair.id }

// Key is the public half itself.
func (k PublicKey) Key() any { return &k.pair.private.PublicKey }

// Algorithm is what the key verifies.
func (k PublicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }

// Use says that the key is for signatures.
func (k PublicKey) Use() string { return "sig" }

// signatureSize is that of ES256 in bytes: r and s, 32 each (RFC 7518, 3.4).
const signatureSize = 64

// Verifies tells whether the key's private half has made the signature of a text.
func (k PublicKey) Verifies(signed string, signature []byte) bool {
	if len(signature) != signatureSize {
		return false
	}
	hash := sha256.Sum256([]byte(signed))
	r, s := new(big.Int).SetBytes(signature[:signatureSize/2]), new(big.Int).SetBytes(signature[signatureSize/2:])
	return ecdsa.Verify(&k.pair.private.PublicKey, hash[:], r, s)
}

// Ring gives the keys of every pool.
type Ring struct {
	db     *pgxpool.Pool
	secret *secret.Key
	now    func() time.Time

	mu    sync.Mutex
	pools map[uuid.UUID]poolKeys // bounded by the number of pools
}

type poolKeys struct {
	keys []*Key // the newest first
	read time.Time
}

// New returns a Ring of the keys in db, which master seals. It reads nothing yet.
func New(db *pgxpool.Pool, master *secret.Key, now func() time.Time) *Ring {
	return &Ring{db: db, secret: master, now: now, pools: map[uuid.UUID]poolKeys{}}
}

// All returns a pool's keys, the newest first. A pool without keys gets its first.
func (r *Ring) All(ctx context.Context, pool uuid.UUID) ([]*Key, error) {
	return r.fresh(ctx, pool, keysLife)
}

// Signer is the key that signs now: the newest whose time has come. Whether it has is asked at each use, so that all
// processes change over at the same moment, whenever they read the keys.
func (r *Ring) Signer(ctx context.Context, pool uuid.UUID) (*Key, error) {
	keys, err := r.All(ctx, pool)
	if err != nil {
		return nil, err
	}
	return signer(keys, r.now(), pool)
}

func signer(keys []*Key, now time.Time, pool uuid.UUID) (*Key, error) {
	for _, k := range keys {
		if !k.signs.After(now) {
			return k, nil
		}
	}
	if len(keys) > 0 {
		return keys[len(keys)-1], nil // the pool's first, made by a process whose clock is ahead
	}
	return nil, fmt.Errorf("pool %s has no key that signs", pool)
}

// Find returns the key of this id; ok is false when the pool has none. Another process may have made it a moment ago.
func (r *Ring) Find(ctx context.Context, pool uuid.UUID, id string) (key *Key, ok bool, err error) {
	for _, life := range []time.Duration{keysLife, keysPause} {
		keys, err := r.fresh(ctx, pool, life)
		if err != nil {
			return nil, false, err
		}
		for _, k := range keys {
			if k.id == id {
				return k, true, nil
			}
		}
	}
	return nil, false, nil
}

func (r *Ring) fresh(ctx context.Context, pool uuid.UUID, life time.Duration) ([]*Key, error) {
	r.mu.Lock()
	known, ok := r.pools[pool]
	r.mu.Unlock()
	read := r.now()
	if ok && read.Sub(known.read) < life {
		return current(known.keys, read), nil
	}
	keys, err := r.read(ctx, pool)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools[pool] = poolKeys{keys: keys, read: read}
	return keys, nil
}

// current are the keys that are still published.
func current(keys []*Key, now time.Time) []*Key {
	expired := func(k *Key) bool { return k.expires != nil && !now.Before(*k.expires) }
	if !slices.ContainsFunc(keys, expired) {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), expired)
}

// read reads and opens a pool's keys and makes the first, once among all processes.
func (r *Ring) read(ctx context.Context, pool uuid.UUID) (keys []*Key, err error) {
	keys, err = r.load(ctx, r.db, pool)
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	err = pgx.BeginFunc(ctx, r.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, pool); err != nil {
			return err
		}
		if keys, err = r.load(ctx, tx, pool); err != nil || len(keys) > 0 {
			return err
		}
		key, err := r.insert(ctx, tx, pool, r.now())
		keys = []*Key{key}
		return err
	})
	return keys, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (r *Ring) load(ctx context.Context, q querier, pool uuid.UUID) ([]*Key, error) {
	rows, err := q.Query(ctx, `
		select id, sealed, signs_at, retired_at, expires_at from identity.signing_key
		where pool_id = $1 and (expires_at is null or expires_at > $2) order by signs_at desc, id limit 20`, pool, r.now())
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Key, error) {
		var k Key
		var sealed []byte
		if err := row.Scan(&k.id, &sealed, &k.signs, &k.retired, &k.expires); err != nil {
			return nil, fmt.Errorf("read signing keys: %w", err)
		}
		plain, err := r.secret.Open(sealPurpose, sealed)
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

func (r *Ring) insert(ctx context.Context, tx pgx.Tx, pool uuid.UUID, signs time.Time) (*Key, error) {
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
	sealed, err := r.secret.Seal(sealPurpose, plain)
	if err != nil {
		return nil, fmt.Errorf("seal a signing key: %w", err)
	}
	k := &Key{id: base64.RawURLEncoding.EncodeToString(thumbprint), private: private, signs: signs}
	_, err = tx.Exec(ctx, `insert into identity.signing_key (id, pool_id, algorithm, sealed, signs_at) values ($1, $2, 'ES256', $3, $4)`, k.id, pool, sealed, signs)
	if err != nil {
		return nil, fmt.Errorf("store a signing key: %w", err)
	}
	return k, nil
}

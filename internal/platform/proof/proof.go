// Package proof signs statements that must hold up later, such as "these rows are deleted": an Ed25519 signature over the
// exact bytes of a JSON document, which anybody can check with the installation's public key and without this program.
package proof

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// purpose derives the key from the master key: every process of an installation signs with the same one, and a backup of
// the database does not hold it.
const purpose = "proof signing key"

// Signer signs with the installation's key.
type Signer struct {
	private ed25519.PrivateKey
	id      string
}

// New returns the signer of the installation whose master key this is.
func New(key *secret.Key) (*Signer, error) {
	seed, err := base64.RawURLEncoding.DecodeString(key.Derive(purpose))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("proof: derive the signing key: %d bytes, %w", len(seed), err)
	}
	s := &Signer{private: ed25519.NewKeyFromSeed(seed)}
	s.id = KeyID(s.Public())
	return s, nil
}

// String hides the key from logs.
func (s *Signer) String() string { return "proof.Signer " + s.id }

// Public is the half of the key that checks signatures.
func (s *Signer) Public() ed25519.PublicKey {
	public, ok := s.private.Public().(ed25519.PublicKey)
	if !ok {
		panic("proof: an Ed25519 key has an Ed25519 public half")
	}
	return public
}

// Sign signs payload, exactly as its bytes are, and names the key.
func (s *Signer) Sign(_ context.Context, payload []byte) (signature []byte, key string, err error) {
	return ed25519.Sign(s.private, payload), s.id, nil
}

// KeyID names a public key: the SHA-256 of its 32 bytes, in URL-safe base64.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ErrSignature says that a signature does not belong to payload and key.
var ErrSignature = errors.New("proof: the signature does not belong to this payload and key")

// Verify checks a signature over the exact bytes of payload.
func Verify(public ed25519.PublicKey, payload, signature []byte) error {
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, payload, signature) {
		return ErrSignature
	}
	return nil
}

// Proof is a signed statement as it is handed out and kept.
type Proof struct {
	Document  string `json:"document" doc:"JSON, exactly as it was signed"`
	Signature []byte `json:"signature" doc:"Ed25519 signature over the document's bytes, in base64"`
	KeyID     string `json:"keyId" doc:"Of GET /v1/proof-key"`
}

// Make signs a statement, which becomes JSON.
func (s *Signer) Make(ctx context.Context, statement any) (Proof, error) {
	payload, err := json.Marshal(statement)
	if err != nil {
		return Proof{}, fmt.Errorf("proof: %w", err)
	}
	signature, key, err := s.Sign(ctx, payload)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Document: string(payload), Signature: signature, KeyID: key}, nil
}

// Open checks a proof and reads its document into statement.
func (p Proof) Open(public ed25519.PublicKey, statement any) error {
	if p.KeyID != KeyID(public) {
		return fmt.Errorf("%w: key %s signed, not %s", ErrSignature, p.KeyID, KeyID(public))
	}
	if err := Verify(public, []byte(p.Document), p.Signature); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(p.Document), statement); err != nil {
		return fmt.Errorf("proof: read the document: %w", err)
	}
	return nil
}

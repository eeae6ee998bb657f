package chain

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/proof"
)

// Kinds of documents.
const (
	kindSeal       = "audit.seal"
	kindCheckpoint = "audit.checkpoint"
)

// start is what the first seal of a chain has as the hash of the one before.
const start = "0000000000000000000000000000000000000000000000000000000000000000"

// statement is the document of a seal: what is signed, and whose SHA-256 the next seal has.
type statement struct {
	Kind     string    `json:"kind"`
	Tenant   uuid.UUID `json:"tenant"`
	Seq      int64     `json:"seq"`
	Previous string    `json:"previous"`
	SealedAt string    `json:"sealedAt"`
	Newest   string    `json:"newest"` // time of the newest entry
	Entries  []item    `json:"entries"`
}

// ids are those of the entries.
func (s statement) ids() []uuid.UUID {
	ids := make([]uuid.UUID, len(s.Entries))
	for n, i := range s.Entries {
		ids[n] = i.id
	}
	return ids
}

// begin is the document of a checkpoint: the chain goes on after the seal that it names, which is deleted.
type begin struct {
	Kind    string    `json:"kind"`
	Tenant  uuid.UUID `json:"tenant"`
	Seq     int64     `json:"seq"`
	Hash    string    `json:"hash"`
	Deleted int64     `json:"deleted"` // entries so far
	At      string    `json:"at"`
}

// Seal is a row of seals, with the names of its columns.
type Seal struct {
	Seq       int64     `json:"seq"`
	Document  string    `json:"document"`
	Signature Bytes     `json:"signature"`
	KeyID     string    `json:"key_id"`
	Entries   int       `json:"entries"`
	Newest    time.Time `json:"newest"`
	SealedAt  time.Time `json:"sealed_at"`
}

// Checkpoint is a row of checkpoints, with the names of its columns.
type Checkpoint struct {
	Seq       int64  `json:"seq"`
	Document  string `json:"document"`
	Signature Bytes  `json:"signature"`
	KeyID     string `json:"key_id"`
}

// Bytes are hexadecimal in JSON, as in archives.
type Bytes []byte

// MarshalText writes them.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText reads them.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// Head is where a chain ends.
type Head struct {
	Seq      int64     `json:"seq"`
	Hash     string    `json:"hash"`
	SealedAt time.Time `json:"sealedAt"`
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// hashOf is the hash by which a seal is named.
func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// Keys are the public keys that may have signed.
type Keys []ed25519.PublicKey

// open checks the signature of a document and reads it.
func (k Keys) open(document string, signature []byte, keyID string, into any) error {
	for _, key := range k {
		if proof.KeyID(key) == keyID {
			return proof.Proof{Document: document, Signature: signature, KeyID: keyID}.Open(key, into)
		}
	}
	return fmt.Errorf("it is signed with the key %q, which is not this installation's", keyID)
}

// read checks the signature of a seal and that its columns say what its document says.
func (k Keys) read(s Seal) (st statement, err error) {
	if err := k.open(s.Document, s.Signature, s.KeyID, &st); err != nil {
		return st, err
	}
	switch {
	case st.Kind != kindSeal:
		return st, fmt.Errorf("its document is of the kind %q", st.Kind)
	case st.Seq != s.Seq:
		return st, fmt.Errorf("its document is that of seal %d", st.Seq)
	case len(st.Entries) != s.Entries || s.Newest.UTC().Format(timeForm) != st.Newest || s.SealedAt.UTC().Format(timeForm) != st.SealedAt:
		return st, fmt.Errorf("its row says something else than its document")
	}
	return st, nil
}

func (k Keys) readCheckpoint(c Checkpoint) (b begin, err error) {
	if err := k.open(c.Document, c.Signature, c.KeyID, &b); err != nil {
		return b, err
	}
	if b.Kind != kindCheckpoint || b.Seq != c.Seq {
		return b, fmt.Errorf("its row says something else than its document")
	}
	return b, nil
}

// Package consent keeps what people agreed to when they made an account: which document in which version, and when.
package consent

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Document is something that people agree to.
type Document struct {
	Name    string // stable: "terms"
	Title   string // as it stands in a sentence: "terms of use"
	Version string
	URL     string // where it can be read
}

// Keeper records what people agree to now.
type Keeper struct {
	Documents []Document
	Key       []byte // of the hashes of network addresses
}

// Record keeps that a user has agreed to today's documents, in the transaction that makes the account. The network address
// is kept as a keyed hash: it shows whether two consents came from the same place, and no more.
func (k Keeper) Record(ctx context.Context, tx pgx.Tx, user uuid.UUID, address string) error {
	mac := hmac.New(sha256.New, k.Key)
	mac.Write([]byte(address))
	for _, d := range k.Documents {
		_, err := tx.Exec(ctx, `insert into identity.consent (user_id, document, version, address_hash) values ($1, $2, $3, $4)
			on conflict do nothing`, user, d.Name, d.Version, mac.Sum(nil))
		if err != nil {
			return fmt.Errorf("record consent: %w", err)
		}
	}
	return nil
}

package person

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Consent is what a person agreed to.
type Consent struct {
	Document string    `json:"document" example:"terms"`
	Version  string    `json:"version"`
	At       time.Time `json:"at"`
}

// maxConsents bounds the list: a few documents in a few versions.
const maxConsents = 1000

// Consents lists what the caller agreed to, the latest first.
func (s *Service) Consents(ctx context.Context) ([]Consent, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, db.ErrNoScope
	}
	rows, err := s.Identity.Query(ctx, `
		select document, version, at from identity.consent where user_id = $1 order by at desc, document, version limit $2`, scope.User, maxConsents)
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Consent])
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	return append([]Consent{}, found...), nil
}

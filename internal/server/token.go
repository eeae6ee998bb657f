package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// TokenRequest asks for an access token on the server's own machine, by whoever can read its master key.
type TokenRequest struct {
	Data, MasterKey, DatabaseURL, PublicURL string
	Email                                   string
	For                                     time.Duration
}

// maxToken is how long a token from the command line may live.
const maxToken = time.Hour

// Token makes an access token for a user. The server must be running: its database is.
func Token(ctx context.Context, r TokenRequest) (string, error) {
	if r.For <= 0 || r.For > maxToken {
		return "", errors.New("--for: want between 1s and 1h")
	}
	key, err := secret.Load(r.Data, r.MasterKey)
	if err != nil {
		return "", err
	}
	if r.DatabaseURL == "" {
		if r.DatabaseURL, err = DatabaseURL(r.Data, r.MasterKey); err != nil {
			return "", err
		}
	}
	in := db.Installation{Admin: r.DatabaseURL, Password: func(role db.Role) string { return key.Derive("database role " + string(role)) }}
	pool, err := in.Open(ctx, db.Identity, 2)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	people, err := identity.New(identity.Config{Pool: pool, Key: key, PublicURL: r.PublicURL, Log: slog.Default(), Version: Version})
	if err != nil {
		return "", err
	}
	token, err := people.MintAccessToken(ctx, r.Email, r.For)
	if err != nil {
		return "", fmt.Errorf("token for %s: %w (is the server running?)", r.Email, err)
	}
	return token, nil
}

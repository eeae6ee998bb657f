package db

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Lifetimes of a scope. A transaction that goes on for longer renews its own.
const (
	scopeLife  = 45 * time.Second
	renewAfter = 20 * time.Second
)

// Sizes of a scope in bytes: expiry, tenant, actor; then the mac. Migration 0048 describes and verifies it.
const (
	scopeClaims = 8 + 16 + 16
	scopeSize   = scopeClaims + sha256.Size
)

// pgEpoch is where PostgreSQL's time begins, 2000-01-01 UTC, in microseconds of the Unix epoch.
const pgEpoch = 946_684_800 * 1_000_000

// sign makes the scope that PostgreSQL verifies: for one tenant and actor, on one connection (its backend's pid), for a
// short time. The key is the tenant's own and of this place: it is replaced when the tenant moves to another schema.
func (p place) sign(s tenancy.Scope, pid uint32, now time.Time) string {
	token := make([]byte, 0, scopeSize)
	token = binary.BigEndian.AppendUint64(token, uint64(now.Add(scopeLife).UnixMicro()-pgEpoch)) //nolint:gosec // the clock is after 2000
	token = append(token, s.Tenant[:]...)
	if s.Role == tenancy.RoleSystem {
		s.User = uuid.Nil
	}
	token = append(token, s.User[:]...)
	mac := sha256.New()
	mac.Write(token)
	mac.Write(p.Key)
	mac.Write(binary.BigEndian.AppendUint32(nil, pid))
	return hex.EncodeToString(mac.Sum(token))
}

// Package device lets programs without a browser sign in (RFC 8628): the program shows a short code, a person types it on
// our page in any browser, sees what asks and from where, and approves or denies. The database has hashes of both codes.
package device

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Life is how long a code waits for somebody, and Pause the least time between two polls of a device.
const (
	Life  = 10 * time.Minute
	Pause = 5 * time.Second
)

// The alphabet of codes that people type: letters that are hard to take for each other, and no vowels, so that no words
// come about (RFC 8628, 6.1). Eight of them have 34 bits: enough for ten minutes with the throttle of the page.
const (
	alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	length   = 8
)

// Service keeps the codes of devices.
type Service struct {
	DB       *pgxpool.Pool // of the role identity
	Key      []byte        // of the hashes of user codes
	Now      func() time.Time
	Grants   *grant.Store
	Clients  *client.Store
	Scopes   []string // that there are
	Throttle *throttle.Throttle
}

// Codes are what a device is told.
type Codes struct {
	Device string
	User   string // as it is shown: ABCD-EFGH
}

// Request is a device that waits.
type Request struct {
	hash    []byte // of its device code
	Client  string // name of the program
	From    string // network address
	AskedAt time.Time
	Scopes  []string
}

// Approval is who approves, for which tenant.
type Approval struct {
	User, Tenant uuid.UUID
	Session      uuid.UUID // of the browser: the device's tokens end with it
	Methods      []string
	SignedInAt   time.Time
}

// ErrCode says that no device waits with this code.
var ErrCode = errs.NotFound("no_such_code", "No device waits with this code. It may be mistyped, used or older than 10 minutes: check the device, or start there again.")

// The refusals of a device's poll.
var (
	errPending = oidc.ErrAuthorizationPending()
	errSlow    = oidc.ErrSlowDown()
	errDenied  = oidc.ErrAccessDenied().WithDescription("the person has denied the request")
	errExpired = oidc.ErrExpiredDeviceCode()
	errDevice  = oidc.ErrInvalidGrant().WithDescription("the device code is unknown or used")
)

// newUserCode returns a code as it is compared.
func newUserCode() string {
	var code strings.Builder
	for range length {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet)))) // it never fails: see crypto/rand
		code.WriteByte(alphabet[n.Int64()])
	}
	return code.String()
}

// Show is a code as people read it.
func Show(code string) string { return code[:length/2] + "-" + code[length/2:] }

// Clean turns what a person typed into a code as it is compared; ok is false when it cannot be one.
func Clean(typed string) (code string, ok bool) {
	if len(typed) > 100 {
		return "", false
	}
	code = strings.Map(func(c rune) rune {
		if strings.ContainsRune(alphabet, c) {
			return c
		}
		return -1
	}, strings.ToUpper(typed))
	return code, len(code) == length
}

func (s *Service) hash(pool uuid.UUID, code string) []byte {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write(pool[:])
	mac.Write([]byte(code))
	return mac.Sum(nil)
}

package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// ACRMulti is the authentication context of a sign-in with more than one factor.
const ACRMulti = "urn:cloudkida:mfa"

// ACR names the authentication context that these methods (RFC 8176) give.
func ACR(methods []string) string {
	if slices.Contains(methods, "mfa") {
		return ACRMulti
	}
	return ""
}

// ErrStepUp says that what was asked for needs a new sign-in. A client sends the person through an authorization request
// with the max_age and acr_values of the answer's WWW-Authenticate header (RFC 9470) and tries again.
var ErrStepUp = errs.Unauthenticated("step_up_required", "This needs to be you, now: sign in again, then repeat it.")

// RequireFresh refuses callers who signed in longer ago than within, or without the second factor that they have.
func (a *Checker) RequireFresh(ctx context.Context, within time.Duration) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return ErrToken
	}
	var signedInAt time.Time
	var lacks bool
	err := a.db.QueryRow(ctx, `
		select f.signed_in_at, p.mfa <> 'off' and not 'mfa' = any (f.methods) and exists (
			select from identity.factor x where x.user_id = f.user_id and x.confirmed_at is not null)
		from identity.token_family f join identity.pool p on p.id = f.pool_id where f.id = $1 and f.user_id = $2`, scope.Session, scope.User).
		Scan(&signedInAt, &lacks)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrToken
	}
	if err != nil {
		return fmt.Errorf("read sign-in: %w", err)
	}
	if !lacks && a.now().Sub(signedInAt) < within {
		return nil
	}
	challenge := `Bearer realm="cloudkida", error="insufficient_user_authentication", max_age=` + strconv.Itoa(int(within.Seconds()))
	if lacks {
		challenge += `, acr_values="` + ACRMulti + `"`
	}
	return huma.ErrorWithHeaders(ErrStepUp, http.Header{"WWW-Authenticate": {challenge}})
}

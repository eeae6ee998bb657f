package access

import (
	"context"
	"fmt"
	"strings"
)

// How long what is known of an origin may be remembered is cacheLife; origins are strangers', so few are.
const (
	maxOrigins   = 5_000
	maxOriginLen = 200
)

// Origin tells whether an organisation has registered a program whose people come back to this web origin. Pages there may
// read answers of the API and of the OpenID endpoints; whose data those are is for the token to say that they send.
func (a *Checker) Origin(ctx context.Context, origin string) (bool, error) {
	if len(origin) > maxOriginLen || !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://") {
		return false, nil
	}
	return a.origins.Get(strings.ToLower(origin), func() (known bool, err error) {
		err = a.db.QueryRow(ctx, `select exists (select from identity.client where tenant_id is not null and origins @> array[$1::text])`, strings.ToLower(origin)).Scan(&known)
		if err != nil {
			return false, fmt.Errorf("look for an origin: %w", err)
		}
		return known, nil
	})
}

package factor_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

func TestAnAppCountsOnceACodeWasSeen(t *testing.T) {
	t.Parallel()
	e := open(t)
	app, err := e.BeginTOTP(t.Context(), e.pool, e.user, "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(app.QR), "data:image/png;base64,") || len(app.Secret) != 32 {
		t.Errorf("app %+v", app)
	}
	again, err := e.PendingTOTP(t.Context(), e.user, "ada@example.com")
	if err != nil || again.Secret != app.Secret || again.QR != app.QR {
		t.Errorf("shown again: %+v, %v", again, err)
	}
	if err := e.try(e.user, factor.UseCode, e.code(app.Secret)); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("before it is confirmed: %v", err)
	}
	if err := e.ConfirmTOTP(t.Context(), e.user, "", "000000"); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("confirmed by a wrong code: %v", err)
	}
	if err := e.ConfirmTOTP(t.Context(), e.user, "", e.code(app.Secret)); err != nil {
		t.Fatal(err)
	}
	list, err := e.List(t.Context(), e.user)
	if err != nil || len(list) != 1 || list[0].Name != "Authenticator app" || list[0].Kind != factor.TOTP {
		t.Errorf("list %+v, %v", list, err)
	}
	var sealed []byte
	e.one(&sealed, `select sealed from identity.factor`)
	if strings.Contains(string(sealed), app.Secret) {
		t.Error("the secret is in the database")
	}
}

func TestACodeWorksOnce(t *testing.T) {
	t.Parallel()
	e := open(t)
	secret := e.app(e.user)
	if err := e.try(e.user, factor.UseCode, e.code(secret)); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("the code of the enrolment again: %v", err)
	}
	e.pass(30 * time.Second)
	code := e.code(secret)
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 4 {
		wait.Go(func() {
			if e.try(e.user, factor.UseCode, code) == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d of four tries at once were let in, want 1", won)
	}
}

func TestClocksMayDifferByOneStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		late  time.Duration
		right bool
	}{{0, true}, {30 * time.Second, true}, {60 * time.Second, false}, {-30 * time.Second, true}, {-60 * time.Second, false}} {
		e := open(t)
		secret := e.app(e.user)
		e.pass(10 * time.Minute)
		code := e.code(secret)
		e.pass(c.late)
		if err := e.try(e.user, factor.UseCode, code[:3]+" "+code[3:]); (err == nil) != c.right {
			t.Errorf("%s late: %v", c.late, err)
		}
	}
}

func TestAnOlderCodeIsOverWithANewerOne(t *testing.T) {
	t.Parallel()
	e := open(t)
	secret := e.app(e.user)
	e.pass(10 * time.Minute)
	older := e.code(secret)
	e.pass(30 * time.Second)
	if err := e.try(e.user, factor.UseCode, e.code(secret)); err != nil {
		t.Fatal(err)
	}
	if err := e.try(e.user, factor.UseCode, older); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("the older code after the newer: %v", err)
	}
}

func TestNobodyElsesCode(t *testing.T) {
	t.Parallel()
	e := open(t)
	secret := e.app(e.user)
	eve := e.person("eve@example.com")
	e.app(eve)
	codes, err := e.NewRecoveryCodes(t.Context(), e.user)
	if err != nil {
		t.Fatal(err)
	}
	e.pass(time.Minute)
	if err := e.try(eve, factor.UseCode, e.code(secret)); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("Ada's code for Eve: %v", err)
	}
	if err := e.try(eve, factor.UseRecovery, codes[0]); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("Ada's recovery code for Eve: %v", err)
	}
	// A row that was moved to another user opens nothing: the secret is sealed for its owner.
	e.exec(`update identity.factor set user_id = $1 where user_id = $2`, eve, e.user)
	if err := e.try(eve, factor.UseCode, e.code(secret)); err == nil {
		t.Error("a moved row lets in")
	}
}

func TestRecoveryCodesWorkOnceEach(t *testing.T) {
	t.Parallel()
	e := open(t)
	first, err := e.NewRecoveryCodes(t.Context(), e.user)
	if err != nil || len(first) != 10 {
		t.Fatal(first, err)
	}
	typed := strings.ToLower(strings.ReplaceAll(first[3], "-", " "))
	if err := e.try(e.user, factor.UseRecovery, typed); err != nil {
		t.Fatal(err)
	}
	if err := e.try(e.user, factor.UseRecovery, first[3]); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("again: %v", err)
	}
	if left, err := e.RecoveryCodesLeft(t.Context(), e.user); err != nil || left != 9 {
		t.Errorf("%d left, %v", left, err)
	}
	next, err := e.NewRecoveryCodes(t.Context(), e.user)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.try(e.user, factor.UseRecovery, first[0]); !errors.Is(err, factor.ErrWrongCode) {
		t.Errorf("an earlier one after new ones were made: %v", err)
	}
	if err := e.try(e.user, factor.UseRecovery, next[0]); err != nil {
		t.Error(err)
	}
	var rows string
	e.one(&rows, `select string_agg(c::text, ' ') from identity.recovery_code c`)
	if strings.Contains(rows, next[1]) {
		t.Error("a recovery code is in the database")
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	e := open(t)
	secret := e.app(e.user)
	e.pass(10 * time.Minute)
	var limited bool
	for range 6 {
		limited = errs.KindOf(e.try(e.user, factor.UseCode, "000000")) == errs.KindLimited
	}
	if limited {
		t.Error("six typing errors have to be possible")
	}
	if err := e.try(e.user, factor.UseCode, e.code(secret)); errs.KindOf(err) != errs.KindLimited {
		t.Errorf("the seventh try at once: %v, want it to wait, right or wrong", err)
	}
	if err := e.try(e.user, factor.UseRecovery, "0000-0000-0000"); errs.KindOf(err) != errs.KindLimited {
		t.Errorf("another kind meanwhile: %v, want one count for all", err)
	}
	e.pass(time.Minute)
	if err := e.try(e.user, factor.UseCode, e.code(secret)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

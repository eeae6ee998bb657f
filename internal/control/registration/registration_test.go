package registration_test

import (
	"bufio"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/registration"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func wishOf(name, tier string) registration.Wish {
	return registration.Wish{Title: "Title of " + name, Name: name, Email: "ada@example.org", AdminName: "Ada", Tier: tier}
}

func TestFromAWishToATenant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("acme", "Ada@example.org", "basic")
	if n := f.count(`select count(*) from control.workflow`) + f.count(`select count(*) from control.tenant where name = 'acme'`); n != 0 {
		t.Fatal("something was made before the address was proved")
	}
	if n := f.count(`select count(*) from control.registration where token_hash::text like '%' || $1 || '%' or position($1::bytea in token_hash) > 0`, token); n != 0 {
		t.Error("the token itself is kept")
	}
	self := "/v1/registrations/" + id
	if a := f.call(http.MethodGet, self, "", "Registration-Token", token); a.field(t, "state") != "pending" || !strings.Contains(a.body, `"steps":[]`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call(http.MethodGet, self+"/events", "", "Registration-Token", token); a.status != http.StatusConflict {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call(http.MethodPost, "/v1/registrations/enter", `{"token":"`+token+`"}`); a.status != http.StatusConflict {
		t.Errorf("entered before it was ready: %d %s", a.status, a.body)
	}
	a := f.confirm(token, "")
	if a.status != http.StatusOK || a.field(t, "state") != "provisioning" || a.field(t, "id") != id || strings.Contains(a.body, `"silo"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if again := f.confirm(token, "other"); again.field(t, "state") != "provisioning" || again.field(t, "name") != "acme" {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	f.run()
	a = f.call(http.MethodGet, self, "", "Registration-Token", token)
	if a.field(t, "state") != "ready" || a.field(t, "signIn") != publicURL+"/?tenant=acme" || !strings.Contains(a.body, `"needsPassword":true`) || strings.Count(a.body, `"state":"done"`) != 5 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call(http.MethodPost, "/v1/registrations/enter", `{"token":"`+token+`"}`); !strings.HasPrefix(a.field(t, "link"), publicURL+"/pools/default/enter?token=") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for attempt, want := range []int{http.StatusOK, http.StatusConflict} {
		if a := f.call(http.MethodPost, "/v1/registrations/key", `{"token":"`+token+`"}`); a.status != want || strings.Contains(a.body, "ck_") != (want == http.StatusOK) {
			t.Errorf("the first key, %d: %d %s", attempt, a.status, a.body)
		}
	}
	if a := f.confirm(token, ""); !strings.Contains(a.body, `"firstKey":false`) {
		t.Errorf("after the key: %s", a.body)
	}
	if n := f.count(`select count(*) from control.workflow`); n != 1 {
		t.Errorf("%d workflows", n)
	}
}

func TestOwnersWithAPasswordNeedNone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.registered("acme", "known@example.org", "platinum")
	f.confirm(token, "")
	if a := f.call(http.MethodPost, "/v1/registrations/key", `{"token":"`+token+`"}`); a.status != http.StatusConflict {
		t.Errorf("a key before anything is there: %d %s", a.status, a.body)
	}
	f.run()
	if a := f.call(http.MethodPost, "/v1/registrations/key", `{"token":"`+token+`"}`); a.status != http.StatusConflict {
		t.Errorf("a key by the mail alone: %d %s", a.status, a.body)
	}
	if a := f.confirm(token, ""); !strings.Contains(a.body, `"needsPassword":false`) || !strings.Contains(a.body, `"firstKey":false`) || !strings.Contains(a.body, `"name":"silo"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheStepsAreSeenLive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("acme", "ada@example.org", "basic")
	f.confirm(token, "")
	open := func() *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.api.URL+"/v1/registrations/"+id+"/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Registration-Token", token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	stream := open()
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	seen := func(what string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return
			}
		}
		t.Fatalf("no %s: %v", what, lines.Err())
	}
	seen(`"state":"provisioning"`)
	var more []*http.Response
	for range 3 {
		more = append(more, open())
	}
	if res := open(); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a fifth stream: %d", res.StatusCode)
	}
	f.run()
	seen(`"state":"ready"`)
	seen("event: ended")
	for _, res := range more {
		res.Body.Close()
	}
}

func TestTheSameKeyHasOneEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var group sync.WaitGroup
	answers := make([]answer, 50)
	for i := range answers {
		group.Go(func() { answers[i] = f.register("the same key", wish("acme", "ada@example.org", "basic")) })
	}
	group.Wait()
	for _, a := range answers {
		if a.status != http.StatusAccepted || a.body != answers[0].body {
			t.Fatalf("%d %s, %s", a.status, a.body, answers[0].body)
		}
	}
	if n, m := f.count(`select count(*) from control.registration`), f.count(`select count(*) from control.mail_message`); n != 1 || m != 1 {
		t.Errorf("%d registrations, %d mails", n, m)
	}
	for _, other := range []string{wish("acme2", "ada@example.org", "basic"), wish("acme", "eve@example.org", "basic"), wish("acme", "ada@example.org", "platinum")} {
		if a := f.register("the same key", other); a.status != http.StatusUnprocessableEntity || a.field(t, "code") != "idempotency_key_used" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := f.call(http.MethodPost, "/v1/registrations", wish("acme", "ada@example.org", "basic")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("without a key: %d %s", a.status, a.body)
	}
}

func TestAHundredWantTheSameName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const many = 100
	names := []string{"acme-11", "acme-1l", "acme-ll", "acrne-11", "ac-me11"}
	tokens := make([]string, many)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			email := "ada" + uuid.NewString()[:8] + "@example.org"
			_, tokens[i] = f.registered(names[i%len(names)], email, "basic")
		})
	}
	group.Wait()
	var mu sync.Mutex
	got := map[int]int{}
	for _, token := range tokens {
		for range 2 {
			group.Go(func() {
				a := f.confirm(token, "")
				mu.Lock()
				defer mu.Unlock()
				got[a.status]++
				if a.status == http.StatusConflict && a.field(t, "code") != "name_taken" {
					t.Errorf("%s", a.body)
				}
			})
		}
	}
	group.Wait()
	if got[http.StatusOK] != 2 || got[http.StatusConflict] != 2*many-2 {
		t.Errorf("answers %v", got)
	}
	f.run()
	if n := f.count(`select count(*) from control.tenant where status = 'active'`); n != 2 { // with the default one
		t.Errorf("%d tenants", n)
	}
	if n := f.count(`select count(*) from control.registration where state = 'pending'`); n != many-1 {
		t.Errorf("%d may choose another name", n)
	}
	if a := f.register(uuid.NewString(), wish("acrne1i", "eve@example.org", "basic")); a.status != http.StatusConflict {
		t.Errorf("a name that looks like a tenant's: %d %s", a.status, a.body)
	}
}

func TestStrangersLearnAndReachNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("acme", "ada@example.org", "basic")
	other, otherToken := f.registered("bravo", "bob@example.org", "basic")
	for name, a := range map[string]answer{
		"no token":         f.call(http.MethodGet, "/v1/registrations/"+id, ""),
		"a wrong token":    f.call(http.MethodGet, "/v1/registrations/"+id, "", "Registration-Token", "wrong"),
		"another's token":  f.call(http.MethodGet, "/v1/registrations/"+id, "", "Registration-Token", otherToken),
		"another's id":     f.call(http.MethodGet, "/v1/registrations/"+other, "", "Registration-Token", token),
		"another's events": f.call(http.MethodGet, "/v1/registrations/"+other+"/events", "", "Registration-Token", token),
		"a wrong proof":    f.confirm("wrong", ""),
		"a wrong key":      f.call(http.MethodPost, "/v1/registrations/key", `{"token":"wrong"}`),
		"a wrong entry":    f.call(http.MethodPost, "/v1/registrations/enter", `{"token":"wrong"}`),
	} {
		if a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	known, fresh := f.register(uuid.NewString(), wish("charlie", "known@example.org", "basic")), f.register(uuid.NewString(), wish("delta", "new@example.org", "basic"))
	if known.status != fresh.status || len(known.body) != len(fresh.body) {
		t.Errorf("an account shows: %s, %s", known.body, fresh.body)
	}
	f.exec(`update control.registration set expires_at = now() - interval '1 second' where id = $1`, id)
	if a := f.confirm(token, ""); a.status != http.StatusNotFound {
		t.Errorf("an old link: %d %s", a.status, a.body)
	}
}

func TestFloodsAreSlowedDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tight := throttle.Rule{Free: 3, First: time.Minute, Max: time.Minute, Forget: time.Hour}
	f.Limits.Address = tight
	for i := range 6 {
		a := f.register(uuid.NewString(), wish("acme", "a"+string(rune('a'+i))+"@example.org", "basic"))
		if limited := i >= 4; limited != (a.status == http.StatusTooManyRequests) || limited && a.header.Get("Retry-After") != "60" {
			t.Errorf("%d from one address: %d %s %v", i, a.status, a.body, a.header)
		}
	}
	f.Limits, f.Throttle = generous(), throttle.New(1000, time.Now)
	f.Limits.Recipient = tight
	for i := range 6 {
		a := f.register(uuid.NewString(), wish("acme", []string{"eve@example.org", "EVE@example.org"}[i%2], "basic"))
		if limited := i >= 4; limited != (a.status == http.StatusTooManyRequests) {
			t.Errorf("%d to one address: %d %s", i, a.status, a.body)
		}
	}
	if n := f.count(`select count(*) from control.mail_message where lower(recipient) = 'eve@example.org'`); n != 4 {
		t.Errorf("%d mails to one address", n)
	}
	f.Limits = generous()
	f.Limits.Look = tight
	status := 0
	for range 6 {
		status = f.call(http.MethodGet, "/v1/registrations/names?name=free-one", "").status
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("many names: %d", status)
	}
	if a := f.confirm("x", ""); a.status != http.StatusTooManyRequests {
		t.Errorf("many tokens: %d", a.status)
	}
}

func TestSilosAreMadeOneAfterAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Limits.Silo = throttle.Rule{Free: 1, First: time.Minute, Max: time.Minute, Forget: time.Hour}
	var last answer
	for _, name := range []string{"one-one", "two-two", "three-3"} {
		_, token := f.registered(name, name+"@example.org", "platinum")
		last = f.confirm(token, "")
	}
	if n := f.count(`select count(*) from control.workflow`); last.status != http.StatusTooManyRequests || n != 2 {
		t.Errorf("the third: %d, %d workflows", last.status, n)
	}
	_, token := f.registered("pooled", "ada@example.org", "basic")
	if a := f.confirm(token, ""); a.status != http.StatusOK {
		t.Errorf("a pooled one: %d %s", a.status, a.body)
	}
}

func TestWhatIsOverIsDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.registered("acme", "ada@example.org", "basic")
	f.confirm(token, "")
	f.run()
	f.registered("late", "late@example.org", "basic")
	f.registered("young", "young@example.org", "basic")
	f.exec(`update control.registration set expires_at = now() - interval '1 second' where name in ('late', 'acme')`)
	for _, want := range []int{2, 1} { // the ready one stays a while
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := f.count(`select count(*) from control.registration`); n != want {
			t.Errorf("%d are left, want %d", n, want)
		}
		f.exec(`update control.registration set ended_at = now() - interval '8 days' where state = 'ready'`)
	}
	if n := f.count(`select count(*) from control.tenant where name = 'acme' and status = 'active'`); n != 1 {
		t.Error("the tenant went with its registration")
	}
}

func TestAFieldThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.register(uuid.NewString(), `{"title":"\u200b","name":"Admin","email":"a b","adminName":"\u202eadA","tier":"gold"}`)
	for _, field := range []string{"title", "name", "email", "adminName", "tier"} {
		if !strings.Contains(a.body, `"body.`+field+`"`) {
			t.Errorf("no word about %s: %d %s", field, a.status, a.body)
		}
	}
	if a := f.register(uuid.NewString(), `{"title":"`+strings.Repeat("x", 10<<20)+`"}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MB: %d %s", a.status, a.body)
	}
}

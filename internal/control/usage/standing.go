package usage

import (
	"net/http"
	"strconv"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
)

// The refusals.
var (
	ErrRate    = errs.Limited("rate_limited", "")
	ErrDaily   = errs.Limited("daily_quota", "")
	ErrMonthly = errs.Limited("monthly_quota", "")
	ErrStreams = errs.Limited("too_many_streams", "Too many live views are open at once. Close some, such as other tabs, then try again.")
)

// stand is what is left of one limit, all in whole requests and seconds.
type stand struct {
	name                     string
	most, window, left, full int64
}

// standing is what is left of every limit that a request was under.
type standing []stand

// write sets RateLimit-Policy and RateLimit, as the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10) has them.
func (told standing) write(h http.Header) {
	if len(told) == 0 {
		return
	}
	policy, left := make([]byte, 0, 48*len(told)), make([]byte, 0, 48*len(told))
	for i, t := range told {
		if i > 0 {
			policy, left = append(policy, ", "...), append(left, ", "...)
		}
		policy = item(policy, t.name, ";q=", t.most, ";w=", t.window)
		left = item(left, t.name, ";r=", t.left, ";t=", t.full)
	}
	h["Ratelimit-Policy"], h["Ratelimit"] = []string{string(policy)}, []string{string(left)}
}

func item(to []byte, name, first string, a int64, second string, b int64) []byte {
	to = append(append(append(to, '"'), name...), '"')
	to = strconv.AppendInt(append(to, first...), a, 10)
	return strconv.AppendInt(append(to, second...), b, 10)
}

func (r rule) standing(l limit.Level) stand {
	w := int64(time.Hour / time.Second) // of a bucket that gets nothing
	if r.bucket.Rate > 0 {
		w = max(1, (r.bucket.Burst+r.bucket.Rate-1)/r.bucket.Rate)
	}
	return stand{name: r.name, most: max(0, r.bucket.Burst), window: w, left: l.Left, full: httpx.Seconds(l.Full)}
}

func (r rule) used(total int64, now time.Time) stand {
	return stand{
		name: r.name, most: max(0, r.counter.Most), window: httpx.Seconds(r.window.until.Sub(r.window.since)),
		left: max(0, r.counter.Most-total), full: max(1, httpx.Seconds(r.window.until.Sub(now))),
	}
}

func tooFast(t stand, retry time.Duration) error {
	seconds := max(1, httpx.Seconds(retry))
	return &httpx.LimitError{
		Err: ErrRate.Because("Too many requests. Wait %s, then try again.", httpx.Wait(retry)),
		Hit: httpx.ProblemLimit{Name: t.name, Most: t.most, Window: t.window, Reset: seconds},
	}
}

func tooMany(r rule, now time.Time) error {
	t := r.used(r.counter.Most, now)
	err, when := ErrDaily, "today"
	if r.window.period == month {
		err, when = ErrMonthly, "this month"
	}
	who := "The programs of your organisation have"
	if r.counter.Key != "" && t.name != string(r.window.period) {
		who = "This key has"
	}
	return &httpx.LimitError{
		Err: err.Because("%s made the %d requests that are allowed %s (UTC). Wait %s, or ask for more.", who, t.most, when, httpx.Wait(time.Duration(t.full)*time.Second)),
		Hit: httpx.ProblemLimit{Name: t.name, Most: t.most, Window: t.window, Reset: t.full},
	}
}

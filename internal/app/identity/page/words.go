package page

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// T is what a key says in the page's language.
func (d Data) T(key string, pairs ...any) string { return d.Locale.Text(key, pairs...) }

// Rich is a text of ours with markup in it, such as <strong>. What is filled in is text alone.
func (d Data) Rich(key string, pairs ...any) template.HTML {
	escaped := make([]any, len(pairs))
	for i, v := range pairs {
		if escaped[i] = v; i%2 == 0 {
			continue
		}
		switch v := v.(type) {
		case template.HTML, int:
		default:
			escaped[i] = template.HTMLEscapeString(fmt.Sprint(v))
		}
	}
	return template.HTML(d.Locale.Text(key, escaped...)) //nolint:gosec // the text is ours, and what is filled in is escaped
}

// Said is a text of the program's own code, such as an error, in the page's language.
func (d Data) Said(text string) string { return d.Locale.Said(text) }

// Day is a date in the page's language.
func (d Data) Day(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%d %s %d", t.Day(), d.T("month."+strconv.Itoa(int(t.Month()))), t.Year())
}

// Time is a date with the time of day.
func (d Data) Time(t time.Time) string { return d.Day(t) + t.UTC().Format(", 15:04 UTC") }

// Limited says how long to wait.
func Limited(w http.ResponseWriter, wait time.Duration) error {
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	unit := "seconds"
	switch {
	case seconds == 1:
		unit = "second"
	case seconds >= 120:
		seconds, unit = (seconds+59)/60, "minutes"
	}
	return errs.Limited("too_many_tries", "").Because("Too many tries. Wait %d %s, then try again.", seconds, unit)
}

// Language is one that a page can be read in.
type Language struct {
	Tag, Name string
	URL       template.URL
}

// Languages are the others, with where the page is in them.
func (d Data) Languages(all []words.Locale) (list []Language) {
	if d.Address == nil {
		return nil
	}
	for _, l := range all {
		if l.Tag() == d.Locale.Tag() {
			continue
		}
		query := d.Address.Query()
		query.Set("ui_locales", l.Tag())
		to := url.URL{Path: d.Address.Path, RawQuery: query.Encode()}
		list = append(list, Language{Tag: l.Tag(), Name: l.Name(), URL: template.URL(to.String())}) //nolint:gosec // a path of our own
	}
	return list
}

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one line of the result.
type row struct {
	what   string
	ours   string
	peer   string // with what it is; "" when there is none
	ratio  string
	target string
	met    bool
}

// table collects the results.
type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tours\tpeer\tratio\ttarget\t")
	for _, r := range t.rows {
		verdict := ""
		switch {
		case r.target == "":
		case r.met:
			verdict = "ok"
		default:
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.ours, dash(r.peer), dash(r.ratio), dash(r.target), verdict)
	}
	return w.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// percentile of measured times, p from 0 to 1.
func percentile(times []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func median(times []time.Duration) time.Duration { return percentile(times, 0.5) }

func ratio(ours, peer time.Duration) float64 { return float64(ours) / float64(peer) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func times(f float64) string { return fmt.Sprintf("%.2f x", f) }

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", bytes>>20) }

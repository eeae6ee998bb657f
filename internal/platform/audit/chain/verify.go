package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
)

// maxFaults is how many faults a report names.
const maxFaults = 20

// Fault is something that is not as it was sealed.
type Fault struct {
	Seal    int64      `json:"seal,omitempty"`
	Entry   *uuid.UUID `json:"entry,omitempty"`
	Problem string     `json:"problem"`
}

func (f Fault) String() string {
	where := ""
	if f.Seal != 0 {
		where = fmt.Sprintf("seal %d: ", f.Seal)
	}
	if f.Entry != nil {
		where += fmt.Sprintf("entry %s: ", f.Entry)
	}
	return where + f.Problem
}

// Report is what Verify found. The first fault is the first that is broken in the chain.
type Report struct {
	Tenant  uuid.UUID `json:"tenant"`
	Seals   int64     `json:"seals"`
	Entries int64     `json:"entries"` // that are sealed and as they were
	Waiting int64     `json:"waiting"` // for their seal
	Deleted int64     `json:"deleted"` // because they were old, by the checkpoint
	Head    Head      `json:"head"`
	Faults  []Fault   `json:"faults"`
	Partial bool      `json:"partial,omitempty"` // not all was looked at: it would have taken too long
}

// Intact tells whether nothing is wrong.
func (r *Report) Intact() bool { return len(r.Faults) == 0 }

func (r *Report) fault(seal int64, entry *uuid.UUID, problem string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{Seal: seal, Entry: entry, Problem: fmt.Sprintf(problem, args...)})
	}
}

// Verifier checks chains.
type Verifier struct {
	Keeper *db.Keeper
	Keys   Keys
}

// Limits bound what one verification looks at.
type Limits struct {
	Time time.Duration // 0: no bound
	// Holds is a head that was kept apart from the database, as SEQ:HASH; the chain must have it still. Empty: none.
	Holds string
}

// batch is how many seals are read at once: a thousand entries of about 100 bytes each at most.
const batch = 20

// Verify checks the whole chain of a tenant, or of the operators' log, as of one moment: every signature, every link, every entry, and that there is no
// entry beside those.
func (v *Verifier) Verify(ctx context.Context, tenant uuid.UUID, limits Limits) (r *Report, err error) {
	err = snapshotIn(ctx, v.Keeper, tenant, func(tx pgx.Tx) (err error) {
		r = &Report{Tenant: tenant, Head: Head{Hash: start}, Faults: []Fault{}}
		w := &walk{keys: v.Keys, report: r, holds: limits.Holds}
		if err := w.begin(ctx, tx); err != nil {
			return err
		}
		until := time.Now().Add(limits.Time)
		for {
			next, err := seals(ctx, tx, w.last, batch)
			if err != nil {
				return err
			}
			for _, s := range next {
				st := w.seal(s)
				entries, err := entriesOf(ctx, tx, tenant, st.ids())
				if err != nil {
					return err
				}
				w.entries(s.Seq, st.Entries, entries, true)
			}
			if len(next) < batch {
				break
			}
			if limits.Time > 0 && time.Now().After(until) {
				r.Partial = true
				return nil
			}
		}
		w.end()
		return v.beside(ctx, tx, r)
	})
	return r, err
}

// beside looks for entries that are in no seal.
func (v *Verifier) beside(ctx context.Context, tx pgx.Tx, r *Report) (err error) {
	if r.Waiting, err = queued(ctx, tx, r.Tenant); err != nil {
		return err
	}
	added, err := strays(ctx, tx, r.Tenant, maxFaults)
	for _, id := range added {
		r.fault(0, &id, "it was added behind the program's back: no seal has it, and it does not wait for one")
	}
	return err
}

// walk goes along a chain.
type walk struct {
	keys   Keys
	report *Report
	holds  string // a head that must be met
	met    bool
	last   int64 // seq of the seal before
}

// begin starts at the checkpoint, if there is one.
func (w *walk) begin(ctx context.Context, tx pgx.Tx) error {
	c, ok, err := checkpoint(ctx, tx)
	if err == nil && ok {
		w.checkpoint(c)
	}
	return err
}

func (w *walk) checkpoint(c Checkpoint) {
	b, err := w.keys.readCheckpoint(c)
	if err == nil && b.Tenant != w.report.Tenant && w.report.Tenant != uuid.Nil {
		err = fmt.Errorf("it is of another organisation")
	}
	if err != nil {
		w.report.fault(c.Seq, nil, "the checkpoint is not the program's: %v", err)
		return
	}
	w.last, w.report.Deleted = b.Seq, b.Deleted
	w.report.Head = Head{Seq: b.Seq, Hash: b.Hash}
	w.meet()
}

// meet notes that the head that was asked for is on the chain.
func (w *walk) meet() { w.met = w.met || w.report.Head.String() == w.holds }

// seal checks one seal and its link to the one before.
func (w *walk) seal(s Seal) statement {
	st, err := w.keys.read(s)
	switch {
	case err != nil:
		w.report.fault(s.Seq, nil, "the seal is not the program's: %v", err)
	case st.Tenant != w.report.Tenant:
		w.report.fault(s.Seq, nil, "the seal is of another organisation")
	case s.Seq != w.last+1:
		w.report.fault(w.last+1, nil, "the seal is missing: seal %d follows seal %d", s.Seq, w.last)
	case st.Previous != w.report.Head.Hash:
		w.report.fault(s.Seq, nil, "the seal does not follow the one before it")
	}
	w.last = s.Seq
	w.report.Seals++
	w.report.Head = Head{Seq: s.Seq, Hash: hashOf(s.Document), SealedAt: s.SealedAt}
	w.meet()
	return st
}

// entries checks what a seal says of its entries. Where not all need be there, those that are missing are counted.
func (w *walk) entries(seq int64, items []item, found map[uuid.UUID]Entry, all bool) (missing int64) {
	for _, i := range items {
		e, ok := found[i.id]
		if !ok {
			missing++
			if all {
				w.report.fault(seq, &i.id, "it was removed")
			}
			continue
		}
		if sum, err := e.Hash(w.report.Tenant); err != nil || sum != i.hash {
			w.report.fault(seq, &i.id, "it was changed")
			continue
		}
		w.report.Entries++
	}
	return missing
}

// end says whether the head that was kept apart was met.
func (w *walk) end() {
	if w.holds != "" && !w.met {
		w.report.fault(0, nil, "the chain does not have the seal %s, which was kept apart: it was cut, or made anew", w.holds)
	}
}

// State is where a tenant's chain stands, without a look at what it holds.
type State struct {
	Head    Head
	Waiting int64
	Deleted int64
}

// State tells where the chain stands.
func (v *Verifier) State(ctx context.Context, tenant uuid.UUID) (s State, err error) {
	err = snapshotIn(ctx, v.Keeper, tenant, func(tx pgx.Tx) (err error) {
		if s.Head, err = headOf(ctx, tx); err != nil {
			return err
		}
		if c, ok, err := checkpoint(ctx, tx); err != nil {
			return err
		} else if b, err := v.Keys.readCheckpoint(c); ok && err == nil {
			s.Deleted = b.Deleted
		}
		s.Waiting, err = queued(ctx, tx, tenant)
		return err
	})
	return s, err
}

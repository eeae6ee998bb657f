package trail

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
)

// Seals is how far a log is sealed, and when it was last checked.
type Seals struct {
	Seq      int64      `json:"seq" doc:"Number of the last seal; 0: there is none yet"`
	Hash     string     `json:"hash" doc:"SHA-256 of the last seal: keep SEQ:HASH apart, and cloudkida audit verify --holds proves that the log still has it"`
	SealedAt *time.Time `json:"sealedAt,omitempty"`
	Waiting  int64      `json:"waiting" doc:"Entries that wait for their seal, which takes a second"`
	Deleted  int64      `json:"deleted" doc:"Entries that were deleted because they were older than the plan keeps them"`
	Verified *Verified  `json:"verified,omitempty" doc:"The last check that somebody asked for"`
}

// Verified is a check that was made.
type Verified struct {
	At     time.Time `json:"at"`
	Intact bool      `json:"intact"`
	Seq    int64     `json:"seq" doc:"Up to which seal"`
}

// LastChecked is the statement that reads the last check, with the argument action, as rows of Verified.
const LastChecked = `
	select at, (detail->>'intact')::boolean, (detail->>'seq')::bigint from audit_entry where action = @action order by action, id desc limit 1`

// ActionVerified is the entry that a check leaves.
const ActionVerified = "audit.verified"

// verifyTime bounds a check that somebody waits for; the command line takes as long as it takes.
const verifyTime = 20 * time.Second

// SealsOf tells how far a log is sealed. checked are the last checks, the newest first.
func SealsOf(ctx context.Context, v *chain.Verifier, log uuid.UUID, checked []Verified) (out Seals, err error) {
	state, err := v.State(ctx, log)
	if err != nil {
		return out, err
	}
	out = Seals{Seq: state.Head.Seq, Hash: state.Head.Hash, Waiting: state.Waiting, Deleted: state.Deleted}
	if state.Head.Seq > 0 {
		out.SealedAt = &state.Head.SealedAt
	}
	if len(checked) > 0 {
		out.Verified = &checked[0]
	}
	return out, nil
}

// Check checks a log, for somebody who waits, and gives the entry that says how it came out.
func Check(ctx context.Context, v *chain.Verifier, log uuid.UUID) (r *chain.Report, e audit.Entry, err error) {
	if r, err = v.Verify(ctx, log, chain.Limits{Time: verifyTime}); err != nil {
		return nil, e, err
	}
	detail := map[string]any{"intact": r.Intact(), "seq": r.Head.Seq, "entries": r.Entries, "seals": r.Seals}
	if !r.Intact() {
		detail["first"] = r.Faults[0].String()
	}
	return r, audit.Entry{Action: ActionVerified, Target: r.Head.String(), Detail: detail}, nil
}

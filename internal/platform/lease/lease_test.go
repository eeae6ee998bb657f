package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/lease"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestALeaseIsOneHoldersAndLapses(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	l := &lease.Leases{Pool: d.Control, Log: slog.New(slog.DiscardHandler)}
	_, done, err := l.Take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Take(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("taken twice: %v", err)
	}
	_, other, err := l.Take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	if _, err := d.Owner.Exec(t.Context(), `update control.lease set until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	_, second, err := l.Take(t.Context(), "a") // the first holder's process died
	if err != nil {
		t.Fatal(err)
	}
	done() // which gives back nothing of the second's
	var left int
	if err := d.Owner.QueryRow(t.Context(), `select count(*) from control.lease`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d leases, %v", left, err)
	}
	second()
}

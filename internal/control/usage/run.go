package usage

import (
	"context"
	"time"
)

// How often counts are written, which is also how much a crash may lose; how long that may take; and how often old rows go.
const (
	flushEvery = 5 * time.Second
	flushTime  = 5 * time.Second
	sweepEvery = time.Hour
)

// Run writes what is counted until ctx ends, and then the rest.
func (s *Service) Run(ctx context.Context) error {
	flush, old := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer old.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-flush.C:
		case <-s.meter.full:
		case <-old.C:
			if err := sweep(ctx, s.Pool, s.Now()); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "delete old counts of requests", "error", err)
			}
			continue
		}
		if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "write counts of requests; they are kept for the next time", "error", err)
		}
	}
}

// Flush writes what was counted since the last time. One at a time: Run is its only caller in a program.
func (s *Service) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	counts := s.meter.begin()
	if len(counts) == 0 {
		return nil
	}
	written, err := write(ctx, s.Pool, counts)
	s.meter.end(written, err)
	return err
}

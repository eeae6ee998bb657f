package throttle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// Shared is the memory that the throttles of all processes count in.
type Shared struct {
	Memory *valkey.Memory
	// Fell is told of every question that it could not answer.
	Fell func(error)

	name   string
	script *redis.Script
}

func (s *Shared) named(name string) *Shared {
	return &Shared{Memory: s.Memory, Fell: s.Fell, name: name, script: redis.NewScript(script)}
}

// What the shared memory is asked for.
const (
	opTry     = "try"
	opWait    = "wait"
	opForgive = "forgive"
	opReset   = "reset"
)

// script does for all keys at once what Throttle does in the memory of a process. Of each key it keeps the failures, the time of
// the last try, up to when failures were forgiven, and until when to wait, in milliseconds. Arguments are the operation and the
// time, and of each key the rule: free failures, first wait, longest wait, forget, heal. It answers how long to wait.
const script = `
local op, now = ARGV[1], tonumber(ARGV[2])
local rows, wait = {}, 0
local function till(last, row)
  local over = row.failures - row.rule.free
  if over <= 0 then return 0 end
  return last + math.min(row.rule.first * 2 ^ math.min(over - 1, 60), row.rule.max)
end
for i, key in ipairs(KEYS) do
  local n = 3 + (i - 1) * 5
  local rule = {free = tonumber(ARGV[n]), first = tonumber(ARGV[n + 1]), max = tonumber(ARGV[n + 2]), forget = tonumber(ARGV[n + 3]), heal = tonumber(ARGV[n + 4])}
  local got = redis.call('HMGET', key, 'failures', 'last', 'healed', 'until')
  local row = {key = key, rule = rule, known = got[1] and true, failures = tonumber(got[1] or 0), last = tonumber(got[2] or now), healed = tonumber(got[3] or now), over = tonumber(got[4] or 0)}
  if op == 'try' then
    if now - row.last > rule.forget and now > row.over then
      row.failures, row.healed, row.over = 0, now, 0
    end
    if rule.heal > 0 then
      local n = math.floor((now - row.healed) / rule.heal)
      if n > 0 then
        row.failures = math.max(0, row.failures - n)
        row.healed = row.healed + n * rule.heal
      end
    end
  end
  rows[i] = row
  wait = math.max(wait, math.min(row.over - now, rule.max))
end
local function keep(row)
  redis.call('HSET', row.key, 'failures', row.failures, 'last', string.format('%.0f', row.last), 'healed', string.format('%.0f', row.healed), 'until', string.format('%.0f', row.over))
  redis.call('PEXPIRE', row.key, string.format('%.0f', math.max(1000, row.rule.forget + row.rule.max)))
end
if op == 'try' and wait <= 0 then
  for _, row in ipairs(rows) do
    row.failures, row.last = row.failures + 1, now
    row.over = till(now, row)
    keep(row)
  end
elseif op == 'forgive' then
  for _, row in ipairs(rows) do
    if row.known then
      row.failures = math.max(0, row.failures - 1)
      row.over = till(row.last, row)
      keep(row)
    end
  end
elseif op == 'reset' then
  redis.call('DEL', unpack(KEYS))
end
return string.format('%.0f', math.max(0, wait))`

// ask asks the shared memory; ok is false where there is none or it is away. Names, which may be of people, leave the process as
// hashes only. It has a time limit of its own: a guess counts, whoever has gone meanwhile.
//
//nolint:contextcheck,nolintlint // for the reason above; callers are told nothing else
func (s *Shared) ask(op string, now time.Time, keys []Key) (wait time.Duration, ok bool) {
	if s == nil || len(keys) == 0 {
		return 0, false
	}
	names, args := make([]string, len(keys)), []any{op, now.UnixMilli()}
	for i, k := range keys {
		sum := sha256.Sum256([]byte(s.name + "\x00" + k.Name))
		names[i] = "throttle:" + hex.EncodeToString(sum[:16])
		args = append(args, k.Rule.Free, k.Rule.First.Milliseconds(), k.Rule.Max.Milliseconds(), k.Rule.Forget.Milliseconds(), k.Rule.Heal.Milliseconds())
	}
	var ms int64
	err := s.Memory.Do(context.Background(), func(ctx context.Context) (err error) {
		ms, err = s.script.Run(ctx, s.Memory.Client, names, args...).Int64()
		return err
	})
	if err != nil {
		s.Fell(err)
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

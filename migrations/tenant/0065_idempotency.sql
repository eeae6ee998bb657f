-- +goose Up
-- What POSTs with an Idempotency-Key were answered, for a day: the same request again is answered the same.

create table idempotency (
  tenant_id uuid not null default app.tenant_id(),
  user_id uuid not null, -- who asked: nobody else's key is the same key
  operation text not null check (length(operation) <= 100),
  key text not null check (length(key) between 1 and 200),
  fingerprint bytea not null check (length(fingerprint) = 32), -- of address and body, keyed: bodies hold passwords
  status int check (status between 200 and 499), -- null while it runs, and for ever when the process died in it
  answer bytea, -- sealed: secrets that are shown once are in it; null: larger than what is kept
  started_at timestamptz not null default now(),
  until timestamptz not null,
  primary key (tenant_id, user_id, operation, key)
);
create index idempotency_until on idempotency (tenant_id, until);
comment on table idempotency is 'transient: not part of archives';
select app.protect_tenant_table('idempotency');

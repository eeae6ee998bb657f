-- +goose Up
-- Organisations sign up by themselves: a registration is a wish until its e-mail address is proved; a workflow then makes
-- the tenant. Registrations hold what one person typed, and are deleted within days of their end.

-- Names that people take for each other have one skeleton. Two tenants never share one, however they are made.
-- +goose StatementBegin
create function control.name_skeleton(name text) returns text
  language sql immutable strict parallel safe
  return replace(replace(translate(replace(lower(name collate "C"), '-', ''), '01i', 'oll'), 'rn', 'm'), 'vv', 'w');
-- +goose StatementEnd
alter table control.tenant add column skeleton text generated always as (control.name_skeleton(name)) stored;
create unique index tenant_skeleton on control.tenant (skeleton);

create table control.registration (
  id uuid primary key default uuidv7(),
  key_hash bytea not null unique, -- of the caller's Idempotency-Key
  body_hash bytea not null, -- of what came with it
  token_hash bytea not null unique, -- of the link in the mail, which proves the address
  title text not null check (length(title) between 1 and 100),
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{1,38}[a-z0-9])$'),
  skeleton text generated always as (control.name_skeleton(name)) stored,
  email text not null check (length(email) <= 254),
  admin_name text not null check (length(admin_name) between 1 and 100),
  tier text not null,
  state text not null default 'pending' check (state in ('pending', 'proved', 'ready', 'failed')),
  placement text not null default 'pool' check (placement in ('pool', 'silo')), -- of the tier, when the last attempt began
  attempt int not null default 0, -- how many workflows were started for it
  tenant_id uuid, -- of the last one; the tenant may not be there yet, or not any more
  workflow_id uuid,
  owner_id uuid, -- the first owner, once there
  has_password boolean not null default false, -- the owner had an account with a password before
  welcomed_at timestamptz,
  created_at timestamptz not null default now(),
  proved_at timestamptz,
  ended_at timestamptz, -- ready or failed since then
  expires_at timestamptz not null -- the token is worth nothing from then on
);
-- Who proved the address first has the name, until the tenant itself has it or the attempt was taken back.
create unique index registration_claim on control.registration (skeleton) where state = 'proved';
create index registration_by_state on control.registration (state, expires_at);
grant select, insert, update, delete on control.registration to cloudkida_control;

-- +goose Up
-- Identity providers of a tenant's own. What one of them says opens its own tenant alone: a session that it opened carries
-- its id, and codes for another tenant are refused.

create table identity.federation_provider (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id),
  name text not null check (length(name) between 1 and 60), -- on the button
  issuer text not null check (length(issuer) between 1 and 500), -- compared exactly
  client_id text not null check (length(client_id) between 1 and 500),
  client_secret bytea, -- sealed by the master key; null: a public client
  scopes text[] not null,
  name_claim text not null,
  role_claim text not null, -- empty: roles are given by hand
  group_claim text not null, -- empty: groups are given by hand
  roles jsonb not null, -- value of the claim -> role; checked by the program: never above admin
  default_role text not null check (default_role in ('admin', 'author', 'instructor', 'learner')),
  groups jsonb not null, -- value of the claim -> name of a group
  just_in_time boolean not null, -- newcomers become members
  enabled boolean not null,
  by_owner boolean not null, -- an owner has seen these settings: only then does the provider sign owners in
  last_test jsonb, -- steps of the last sign-in that only tested
  tested_at timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index federation_provider_name on identity.federation_provider (tenant_id, lower(name));
grant select, insert, update, delete on identity.federation_provider to cloudkida_identity;

-- As for memberships: with the setting no row of another tenant is there.
alter table identity.federation_provider enable row level security;
create policy identity on identity.federation_provider to cloudkida_identity
  using (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));

-- Whom a provider means by a subject. It is the only thing that later sign-ins go by.
create table identity.federation_identity (
  provider_id uuid not null references identity.federation_provider (id) on delete cascade,
  subject text collate "C" not null check (length(subject) between 1 and 255),
  user_id uuid not null references identity."user" (id) on delete cascade,
  linked_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  primary key (provider_id, subject)
);
create index federation_identity_user on identity.federation_identity (user_id);
grant select, insert, delete on identity.federation_identity to cloudkida_identity;
grant update (seen_at) on identity.federation_identity to cloudkida_identity;

-- Exchanges under way: each of one browser, once, for ten minutes.
create table identity.federation_flow (
  state_hash bytea primary key,
  pool_id uuid not null references identity.pool (id) on delete cascade,
  provider_id uuid not null references identity.federation_provider (id) on delete cascade,
  browser_hash bytea, -- of the cookie; null: a test that has no browser yet
  query text not null default '' check (length(query) <= 32768), -- the authorization request to go on with
  test boolean not null default false,
  expires_at timestamptz not null
);
create index federation_flow_provider on identity.federation_flow (provider_id);
create index federation_flow_expiry on identity.federation_flow (expires_at);
create index federation_flow_pool on identity.federation_flow (pool_id);
grant select, insert, delete on identity.federation_flow to cloudkida_identity;
grant update (expires_at) on identity.federation_flow to cloudkida_identity; -- which locking rows needs

-- How a tenant's people may sign in. No row: as they like.
create table identity.federation_rule (
  tenant_id uuid primary key references control.tenant (id),
  only_through boolean not null, -- only by one of the tenant's own providers; owners may by password, which is logged
  version bigint not null default 1
);
grant select, insert, update, delete on identity.federation_rule to cloudkida_identity;

-- Which provider vouched for the person; null: a means of ours, such as the password.
alter table identity.browser_session add column provider_id uuid references identity.federation_provider (id) on delete cascade;
create index browser_session_provider on identity.browser_session (provider_id) where provider_id is not null;

-- +goose Up
-- People and how they sign in. All of it is scoped by user pool, not by tenant: a person is known before a tenant is.
-- What must not be readable in a backup is hashed (whatever a browser or client shows again) or sealed (signing keys).

create schema identity;
grant usage on schema identity to cloudkida_identity;

-- The tenant's name and status are part of "may this member in".
grant usage on schema control to cloudkida_identity;
grant select (id, name, title, status) on control.tenant to cloudkida_identity;

create table identity.pool (
  id uuid primary key default uuidv7(),
  name text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'), -- part of the issuer
  tenant_id uuid not null references control.tenant (id), -- whose learners people become who sign up by themselves
  sign_up boolean not null default true,
  created_at timestamptz not null default now()
);
grant select on identity.pool to cloudkida_identity;

create table identity.client (
  pool_id uuid not null references identity.pool (id),
  id text not null check (length(id) between 1 and 100),
  name text not null,
  redirect_uris text[] not null, -- matched exactly; those that start with / are below the installation's own address
  post_logout_uris text[] not null,
  primary key (pool_id, id)
);
grant select on identity.client to cloudkida_identity;

create table identity."user" (
  id uuid primary key default uuidv7(),
  pool_id uuid not null references identity.pool (id),
  email text not null check (length(email) <= 254), -- as it was typed
  email_key text collate "C" not null, -- as it is compared: normalised and folded by the program, whatever the locale
  email_proved_at timestamptz, -- when its owner proved it; an unproved address never links anything
  name text not null check (length(name) between 1 and 100),
  password_hash text, -- argon2id in PHC form; null: signs in by other means
  operator boolean not null default false,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (pool_id, email_key),
  unique (pool_id, id)
);
grant select, insert on identity."user" to cloudkida_identity;
grant update (email, email_key, email_proved_at, name, password_hash, disabled_at, updated_at) on identity."user" to cloudkida_identity;

create table identity.membership (
  user_id uuid not null references identity."user" (id) on delete cascade,
  tenant_id uuid not null references control.tenant (id),
  role text not null check (role in ('owner', 'admin', 'author', 'instructor', 'learner')),
  status text not null default 'active' check (status in ('active', 'removed')),
  epoch bigint not null default 1, -- grows with every change, so that caches can tell old from new
  created_at timestamptz not null default now(),
  primary key (user_id, tenant_id)
);
create index membership_tenant on identity.membership (tenant_id, user_id);
grant select, insert on identity.membership to cloudkida_identity;
grant update (role, status, epoch) on identity.membership to cloudkida_identity;

create table identity.signing_key (
  id text primary key, -- the kid: the thumbprint of the public key
  pool_id uuid not null references identity.pool (id),
  algorithm text not null check (algorithm = 'ES256'),
  sealed bytea not null, -- the private key, sealed by the master key
  created_at timestamptz not null default now(),
  retired_at timestamptz, -- signs no more since then
  expires_at timestamptz -- published until then; null: as long as it signs
);
create index signing_key_pool on identity.signing_key (pool_id, created_at desc);
grant select, insert on identity.signing_key to cloudkida_identity;

-- One sign-in in one browser: later authorization requests pass without a page.
create table identity.browser_session (
  id uuid primary key default uuidv7(),
  token_hash bytea not null unique,
  pool_id uuid not null,
  user_id uuid not null,
  methods text[] not null, -- how the person proved who they are (amr)
  created_at timestamptz not null default now(),
  idle_at timestamptz not null, -- ends then, unless it is used before
  expires_at timestamptz not null, -- ends then in any case
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade
);
create index browser_session_user on identity.browser_session (user_id);
create index browser_session_expiry on identity.browser_session (least(idle_at, expires_at));
grant select, insert, delete on identity.browser_session to cloudkida_identity;
grant update (idle_at) on identity.browser_session to cloudkida_identity;

-- What one authorization gave to one client: its tokens live and die together.
create table identity.token_family (
  id uuid primary key default uuidv7(),
  pool_id uuid not null,
  user_id uuid not null,
  tenant_id uuid not null references control.tenant (id),
  client_id text not null,
  browser_session_id uuid references identity.browser_session (id) on delete set null,
  scopes text[] not null,
  methods text[] not null,
  signed_in_at timestamptz not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null, -- moves on with every refresh, up to the family's longest life
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade
);
create index token_family_user on identity.token_family (user_id);
create index token_family_session on identity.token_family (browser_session_id);
create index token_family_expiry on identity.token_family (expires_at);
grant select, insert, delete on identity.token_family to cloudkida_identity;
grant update (expires_at) on identity.token_family to cloudkida_identity;

create table identity.refresh_token (
  token_hash bytea primary key,
  family_id uuid not null references identity.token_family (id) on delete cascade,
  created_at timestamptz not null default now(),
  used_at timestamptz -- shown again after this: somebody has a copy, and the family dies
);
create index refresh_token_family on identity.refresh_token (family_id);
grant select, insert on identity.refresh_token to cloudkida_identity;
grant update (used_at) on identity.refresh_token to cloudkida_identity;

create table identity.auth_code (
  code_hash bytea primary key,
  pool_id uuid not null,
  user_id uuid not null,
  tenant_id uuid not null references control.tenant (id),
  browser_session_id uuid references identity.browser_session (id) on delete cascade,
  request jsonb not null, -- what the client asked for: address, scopes, nonce, challenge
  methods text[] not null,
  signed_in_at timestamptz not null,
  family_id uuid not null default uuidv7(), -- the family that it is traded for
  expires_at timestamptz not null,
  used_at timestamptz, -- shown again after this: the family dies
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade
);
create index auth_code_user on identity.auth_code (user_id);
create index auth_code_session on identity.auth_code (browser_session_id);
create index auth_code_expiry on identity.auth_code (expires_at);
grant select, insert, delete on identity.auth_code to cloudkida_identity;
grant update (used_at) on identity.auth_code to cloudkida_identity;

-- Links that a person gets by another way than the browser: the very first operator's, and those that reset a password.
create table identity.one_time_link (
  token_hash bytea primary key,
  pool_id uuid not null references identity.pool (id),
  kind text not null check (kind in ('setup', 'reset')),
  user_id uuid references identity."user" (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  check ((kind = 'setup') = (user_id is null))
);
create index one_time_link_user on identity.one_time_link (user_id);
create index one_time_link_expiry on identity.one_time_link (expires_at);
grant select, insert, delete on identity.one_time_link to cloudkida_identity;
grant update (used_at) on identity.one_time_link to cloudkida_identity;

insert into identity.pool (name, tenant_id) values ('default', '00000000-0000-7000-8000-000000000001');
insert into identity.client (pool_id, id, name, redirect_uris, post_logout_uris)
select id, 'console', 'Cloudkida', '{/auth/callback}', '{/}' from identity.pool where name = 'default';

-- +goose Up
-- The rest of the OpenID Provider: settings of user pools, signing keys that rotate, sign-in on devices without a browser,
-- machine clients of tenants, and programs of others that tenants register.

-- Settings of a pool; null is the program's own value. Who may sign up by themselves: nobody (sign_up is false), anybody
-- (no domains), or people with an e-mail address of one of the domains.
alter table identity.pool
  add column version bigint not null default 1,
  add column access_seconds integer check (access_seconds between 300 and 3600),
  add column refresh_idle_seconds integer check (refresh_idle_seconds between 3600 and 7776000),
  add column refresh_seconds integer check (refresh_seconds between 3600 and 31536000),
  add column sign_up_domains text[] check (cardinality(sign_up_domains) between 1 and 100),
  add column password_min integer check (password_min between 12 and 64);
grant update (version, access_seconds, refresh_idle_seconds, refresh_seconds, sign_up, sign_up_domains, password_min)
  on identity.pool to cloudkida_identity;

-- A key is published from the start and signs from signs_at on, so that whoever remembers keys has it by then.
alter table identity.signing_key add column signs_at timestamptz;
update identity.signing_key set signs_at = created_at;
alter table identity.signing_key alter column signs_at set not null;
grant update (retired_at, expires_at) on identity.signing_key to cloudkida_identity;

alter table identity.client
  add column grants text[] not null default '{authorization_code,refresh_token}',
  add column tenant_id uuid references control.tenant (id), -- who registered it, and whose people use it; null: our own
  add column secret_hash bytea check (length(secret_hash) = 32), -- null: a public client, with PKCE alone
  add column created_by uuid,
  add column created_at timestamptz not null default now();
create index client_tenant on identity.client (tenant_id, id) where tenant_id is not null;
grant update (secret_hash) on identity.client to cloudkida_identity;

-- As with memberships: what is done for a tenant is done with this setting, and finds no client of another one.
alter table identity.client enable row level security;
create policy identity on identity.client to cloudkida_identity
  using (tenant_id is null or tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id is null or tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));

-- The command line signs in by a code. The page where the code is typed is a client only to send people through sign-in:
-- it has no grant, so what comes back is never traded for anything.
insert into identity.client (pool_id, id, name, redirect_uris, post_logout_uris, grants)
select id, 'cli', 'Cloudkida command line', '{}'::text[], '{}'::text[], '{urn:ietf:params:oauth:grant-type:device_code,refresh_token}'::text[] from identity.pool
union all
select id, 'device-page', 'Sign-in on a device', array['/pools/{pool}/device'], '{}', '{}' from identity.pool;

-- What a person has allowed a program of others to know.
create table identity.client_approval (
  pool_id uuid not null,
  user_id uuid not null,
  client_id text not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  primary key (user_id, client_id),
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade,
  foreign key (pool_id, client_id) references identity.client (pool_id, id) on delete cascade
);
create index client_approval_client on identity.client_approval (pool_id, client_id);
grant select, insert, delete on identity.client_approval to cloudkida_identity;
grant update (scopes) on identity.client_approval to cloudkida_identity;

-- A program that acts by itself, for one tenant, with a role of its own.
create table identity.machine_client (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id),
  name text not null check (length(name) between 1 and 100),
  role text not null check (role in ('owner', 'admin', 'author', 'instructor', 'learner')),
  secret_id uuid not null default uuidv7(), -- new with every secret: tokens name it, and end with it
  secret_hash bytea not null check (length(secret_hash) = 32),
  created_by uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz -- when it last got a token
);
create index machine_client_tenant on identity.machine_client (tenant_id, id);
grant select, insert, delete on identity.machine_client to cloudkida_identity;
grant update (secret_id, secret_hash, expires_at, last_used_at) on identity.machine_client to cloudkida_identity;
alter table identity.machine_client enable row level security;
create policy identity on identity.machine_client to cloudkida_identity
  using (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));

-- Every process forgets a machine client whose secret is changed or that is gone, as it does a member.
create trigger hint_changed after update of secret_id, expires_at on identity.machine_client
  for each row when (old.secret_id is distinct from new.secret_id or old.expires_at is distinct from new.expires_at)
  execute function app.hint_user();
create trigger hint_deleted after delete on identity.machine_client
  for each row execute function app.hint_user();

-- A device that waits for somebody to approve it in a browser (RFC 8628).
create table identity.device_code (
  device_hash bytea primary key,
  user_hash bytea not null, -- keyed: the code that people type is short
  pool_id uuid not null references identity.pool (id),
  client_id text not null,
  scopes text[] not null,
  asked_from text not null check (length(asked_from) <= 64), -- network address, shown to who approves
  created_at timestamptz not null,
  expires_at timestamptz not null,
  polled_at timestamptz,
  pause_seconds integer not null default 5, -- between polls; grows when the device does not keep to it
  decided_at timestamptz,
  user_id uuid, -- who approved; null after a decision: denied
  tenant_id uuid references control.tenant (id),
  browser_session_id uuid references identity.browser_session (id) on delete cascade,
  methods text[],
  signed_in_at timestamptz,
  family_id uuid not null default uuidv7(), -- the family that it is traded for
  used_at timestamptz,
  unique (pool_id, user_hash),
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade
);
create index device_code_expiry on identity.device_code (expires_at);
create index device_code_user on identity.device_code (user_id);
create index device_code_session on identity.device_code (browser_session_id);
create index device_code_tenant on identity.device_code (tenant_id);
grant select, insert, delete on identity.device_code to cloudkida_identity;
grant update (polled_at, pause_seconds, decided_at, user_id, tenant_id, browser_session_id, methods, signed_in_at, used_at)
  on identity.device_code to cloudkida_identity;

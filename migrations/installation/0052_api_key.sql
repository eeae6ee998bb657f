-- +goose Up
-- API keys of tenants and of their machine clients. The authorizer reads them before any scope exists, so they are
-- identity's: the application's role has no right on them.

create table identity.api_key (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id),
  public_id text collate "C" not null unique check (public_id ~ '^[0-9a-z]{8}$'), -- in the key's text: finds the row, proves nothing
  name text not null check (length(name) between 1 and 100),
  machine_id uuid references identity.machine_client (id) on delete cascade, -- whose key it is; null: the tenant's
  created_by uuid not null, -- whose role bounds a tenant's key
  scopes text[] not null check (cardinality(scopes) between 1 and 100),
  secret_hash bytea not null check (length(secret_hash) = 32), -- HMAC of the key's whole text
  previous_hash bytea check (length(previous_hash) = 32), -- of the text before the last rotation
  previous_until timestamptz check ((previous_until is null) = (previous_hash is null)),
  version bigint not null default 1, -- grows with every change by people
  created_at timestamptz not null default now(),
  rotated_at timestamptz,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  last_used_from text check (length(last_used_from) <= 64) -- network address
);
create index api_key_tenant on identity.api_key (tenant_id, id);
create index api_key_machine on identity.api_key (machine_id);
create index api_key_over on identity.api_key (least(revoked_at, expires_at));
grant select, insert, delete on identity.api_key to cloudkida_identity;
grant update (name, secret_hash, previous_hash, previous_until, version, rotated_at, expires_at, revoked_at, last_used_at, last_used_from)
  on identity.api_key to cloudkida_identity;

-- As with memberships: what is done for a tenant is done with this setting, and finds no key of another one. Only the
-- authorizer reads without it.
alter table identity.api_key enable row level security;
create policy identity on identity.api_key to cloudkida_identity
  using (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));

-- Every process forgets a key that was changed or is gone; a note of its use is no change.
-- +goose StatementBegin
create function app.hint_key() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app.hint('key', old.public_id);
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.hint_key() from public;
create trigger hint_changed after update of secret_hash, previous_hash, previous_until, expires_at, revoked_at on identity.api_key
  for each row execute function app.hint_key();
create trigger hint_deleted after delete on identity.api_key
  for each row execute function app.hint_key();

-- The first owner of an organisation is given its first key, once.
alter table control.registration add column key_given_at timestamptz;

-- Owners change their programs, and say where people may be sent after signing out.
alter table identity.client add column version bigint not null default 1;
grant update (name, redirect_uris, post_logout_uris, version) on identity.client to cloudkida_identity;

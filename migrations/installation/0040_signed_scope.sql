-- +goose Up
-- Scopes that PostgreSQL verifies. A transaction names its tenant with a token (setting app.scope) that only the program
-- can make: whoever can run any SQL as the application's role still cannot name another tenant.

-- 64 random bytes: one block of SHA-256.
-- +goose StatementBegin
create function app.random_key() returns bytea language sql volatile
begin atomic
  select uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
end;
-- +goose StatementEnd

-- Where a tenant's data is and the key that signs its scopes. Tenant data can be reached through this row alone: it moves
-- with the tenant, and of the roles of the program only control can read it.
create table app.tenant_scope (
  tenant_id uuid primary key references control.tenant (id) on delete cascade,
  id bytea not null unique generated always as (uuid_send(tenant_id)) stored, -- as a scope names it
  key bytea not null default app.random_key(), -- new with every change of the row: scopes that the old one signed end
  schema name not null default 'pool',
  login name not null default 'cloudkida_app', -- the one role that may act there
  people boolean not null default true, -- false: only the program itself acts, as for a suspended tenant
  gate bigint not null default ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint, -- advisory lock of this tenant's writers
  version bigint not null default 0, -- of the migrations in a silo's schema; the pool's are always up to date
  problem text not null default '', -- why a silo could not be brought up to date
  changed_at timestamptz not null default now() -- of the key
);
create unique index tenant_scope_silo on app.tenant_scope (schema) where schema <> 'pool';
create unique index tenant_scope_login on app.tenant_scope (login) where login <> 'cloudkida_app';
revoke all on app.tenant_scope from public;
grant select on app.tenant_scope to cloudkida_control;
insert into app.tenant_scope (tenant_id, people) select id, status = 'active' from control.tenant;

-- Every tenant has its row as long as it lives, and people act while it is active.
-- +goose StatementBegin
create function app.follow_tenant() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into app.tenant_scope (tenant_id, people) values (new.id, new.status = 'active');
  elsif new.status is distinct from old.status then
    update app.tenant_scope set people = (new.status = 'active'), key = app.random_key(), changed_at = now() where tenant_id = new.id;
  end if;
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.follow_tenant() from public;
create trigger follow_tenant after insert or update of status on control.tenant
  for each row execute function app.follow_tenant();

-- New keys for tenants whose keys are older than so long, a bounded number at a time; returns how many. Scopes that the
-- old keys signed end at once: the program signs again.
-- +goose StatementBegin
create function app.rotate_scope_keys(older interval, most int) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  rotated bigint;
begin
  with chosen as (
    select tenant_id from app.tenant_scope where changed_at < now() - older order by changed_at limit most for update skip locked)
  update app.tenant_scope s set key = app.random_key(), changed_at = now()
    from chosen where s.tenant_id = chosen.tenant_id;
  get diagnostics rotated = row_count;
  return rotated;
end
$$;
-- +goose StatementEnd
revoke execute on function app.rotate_scope_keys(interval, int), app.random_key() from public;
grant execute on function app.rotate_scope_keys(interval, int) to cloudkida_control;

-- What the scope claims, unverified: for defaults of columns alone, whose rows the policies check.
-- +goose StatementBegin
create or replace function app.tenant_id() returns uuid
  language sql stable parallel restricted
  return nullif(substr(current_setting('app.scope', true), 17, 32), '')::uuid;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function app.user_id() returns uuid
  language sql stable parallel restricted
  return nullif(nullif(substr(current_setting('app.scope', true), 49, 32), ''), '00000000000000000000000000000000')::uuid;
-- +goose StatementEnd
comment on function app.tenant_id() is 'The tenant that the scope of this transaction claims; null without a scope. Policies ask app.scope, which verifies.';

-- +goose StatementBegin
create function app.refuse_scope() returns uuid language plpgsql stable parallel restricted as $$
begin
  raise exception 'scope refused' using errcode = '42501';
end
$$;
-- +goose StatementEnd

-- The verified tenant of this transaction: no row without a scope or for an unknown tenant; error 42501 for a scope that is
-- forged, expired, of another connection, or signed before the tenant was moved, suspended or given a new key. The
-- policies read it once per statement. It is a view and no function because PostgreSQL prepares a function's expressions
-- anew in each transaction, while a view is planned with the query. It reads the keys with its owner's rights and shows
-- none. The token in hexadecimal: expiry 8 bytes (seconds of the epoch), tenant 16, actor 16, and the mac, which is the
-- SHA-256 of the key, those 40 bytes and the backend's pid in 4. The message has one length, so that it cannot be
-- extended. Nothing is remembered between statements: what SQL could remember, SQL could set.
create view app.scope with (security_barrier) as
select case when substr(t.token, 41) = sha256(k.key || substr(t.token, 1, 40) || int4send(pg_backend_pid()))
    and t.token > int8send(date_part('epoch', clock_timestamp())::bigint)
  then k.tenant_id else app.refuse_scope() end as tenant_id
from (select decode(current_setting('app.scope', true), 'hex') as token offset 0) t
join app.tenant_scope k on k.id = substr(t.token, 9, 16);
grant select on app.scope to public;

-- Jobs: every role that serves tenant data is a member of cloudkida_tenant and sees its own tenant's jobs.
drop policy tenant on river.river_job;
create policy tenant on river.river_job to cloudkida_tenant
  using (tenant_id = (select s.tenant_id from app.scope s)) with check (tenant_id = (select s.tenant_id from app.scope s));
revoke all on all tables in schema river from cloudkida_app;
revoke all on all sequences in schema river from cloudkida_app;
revoke all on schema river from cloudkida_app;
grant usage on schema river to cloudkida_tenant;
grant usage on all sequences in schema river to cloudkida_tenant;
grant select, insert, update (kind) on river.river_job to cloudkida_tenant;

-- +goose StatementBegin
create or replace function app.protect_tenant_table(tenant_table regclass, privileges text default 'select, insert, update, delete')
  returns void language plpgsql as $$
declare
  tenant_role text := coalesce(nullif(current_setting('app.tenant_role', true), ''), 'cloudkida_app');
begin
  execute format('alter table %s enable row level security', tenant_table);
  execute format('alter table %s force row level security', tenant_table);
  execute format('create policy tenant on %s to %I using (tenant_id = (select s.tenant_id from app.scope s))'
    ' with check (tenant_id = (select s.tenant_id from app.scope s))', tenant_table, tenant_role);
  execute format('create policy migrator on %s to cloudkida_owner using (true) with check (true)', tenant_table);
  execute format('grant %s on %s to %I', privileges, tenant_table, tenant_role);
end
$$;
-- +goose StatementEnd

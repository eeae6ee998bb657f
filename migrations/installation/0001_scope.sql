-- +goose Up
-- The scope of a transaction and the rule that every tenant table is under.

-- The program makes the schema app before these files run: goose keeps its version table there.
grant usage on schema app to public;

-- +goose StatementBegin
create function app.tenant_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('app.tenant_id', true), '')::uuid;
-- +goose StatementEnd

-- +goose StatementBegin
create function app.user_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('app.user_id', true), '')::uuid;
-- +goose StatementEnd

comment on function app.tenant_id() is 'The tenant of this transaction; null without a scope, so that no row is seen and no row can be written.';

-- Puts a table of tenant data under row level security and grants it to the role that serves its schema: the
-- application's role for the pool, the silo's own role elsewhere (setting app.tenant_role). The owner has a policy of
-- its own because FORCE binds owners too: without it a backfill would silently change nothing.
-- +goose StatementBegin
create function app.protect_tenant_table(tenant_table regclass, privileges text default 'select, insert, update, delete')
  returns void language plpgsql as $$
declare
  tenant_role text := coalesce(nullif(current_setting('app.tenant_role', true), ''), 'cloudkida_app');
begin
  execute format('alter table %s enable row level security', tenant_table);
  execute format('alter table %s force row level security', tenant_table);
  execute format('create policy tenant on %s to %I using (tenant_id = (select app.tenant_id())) with check (tenant_id = (select app.tenant_id()))',
    tenant_table, tenant_role);
  execute format('create policy migrator on %s to cloudkida_owner using (true) with check (true)', tenant_table);
  execute format('grant %s on %s to %I', privileges, tenant_table, tenant_role);
end
$$;
-- +goose StatementEnd
revoke execute on function app.protect_tenant_table(regclass, text) from public;

create schema control;
grant usage on schema control to cloudkida_control;

create table control.tenant (
  id uuid primary key default uuidv7(),
  name text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{1,38}[a-z0-9])$'),
  title text not null check (length(title) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'suspended')),
  tier text not null default 'basic',
  placement text not null default 'pool' check (placement in ('pool', 'silo')),
  created_at timestamptz not null default now()
);
grant select, insert, update on control.tenant to cloudkida_control;

insert into control.tenant (id, name, title, tier)
values ('00000000-0000-7000-8000-000000000001', 'default', 'Cloudkida', 'default');

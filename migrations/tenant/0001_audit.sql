-- +goose Up
-- What was changed, by whom: written in the transaction of the change, append-only by its grants.

create table audit_entry (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null default uuidv7(),
  at timestamptz not null default now(),
  actor uuid default app.user_id(), -- null: the program itself
  action text not null,
  target text not null,
  detail jsonb not null default '{}',
  request text not null default '',
  primary key (tenant_id, id)
);
select app.protect_tenant_table('audit_entry', 'select, insert');

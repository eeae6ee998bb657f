-- +goose Up
-- Audit entries wait here until the sealer has chained them, and the operators' log has what the tenants' logs have.

-- Entries that are committed and not sealed. A trigger adds them in the entry's own transaction: rows of their own, so that no
-- writer waits for another, and the sealer finds the tenants that have any without looking at the others. Of the roles of the
-- program only worker sees them.
create table app.audit_unsealed (
  tenant_id uuid not null,
  id uuid not null, -- of the entry
  primary key (tenant_id, id)
);
revoke all on app.audit_unsealed from public;
grant select, delete on app.audit_unsealed to cloudkida_worker;
alter table app.audit_unsealed set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- +goose StatementBegin
create function app.queue_audit() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into app.audit_unsealed (tenant_id, id) select tenant_id, id from added on conflict do nothing;
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.queue_audit() from public;

-- What operators did on the installation, with the same parts as an entry of a tenant.
alter table control.audit_entry
  add column kind text not null default 'operator' check (kind in ('person', 'machine', 'key', 'operator', 'program')),
  add column target text not null default '',
  add column before jsonb,
  add column after jsonb,
  add column address text not null default '';
create index audit_entry_action on control.audit_entry (action text_pattern_ops, id);
create index audit_entry_actor on control.audit_entry (actor, id);

-- The role identity adds what operators do to people and their pools in the transaction of the change itself.
grant insert on control.audit_entry to cloudkida_identity;

-- What happened to a person's account, added in its own transaction, until it is in the log of every organisation of theirs: an
-- account is not a tenant's data. The row goes when its entries are there.
create table identity.audit_event (
  id uuid primary key default uuidv7(), -- of the entries
  at timestamptz not null default now(),
  user_id uuid, -- whose organisations' logs get it; null: tenant_id's
  tenant_id uuid,
  actor uuid,
  kind text not null,
  action text not null,
  target text not null,
  detail jsonb not null default '{}',
  before jsonb,
  after jsonb,
  request text not null default '',
  address text not null default '',
  not_before timestamptz not null default now(),
  check (num_nonnulls(user_id, tenant_id) = 1)
);
create index audit_event_due on identity.audit_event (not_before, id);
create index audit_event_user on identity.audit_event (user_id) where user_id is not null;
grant select, insert, update (not_before), delete on identity.audit_event to cloudkida_identity;

-- How many days a tenant's audit log is kept.
update control.tier set limits = limits || jsonb_build_object('auditDays', case name
  when 'platinum' then 2555 when 'premium' then 730 when 'standard' then 365 else 90 end)
  where name in ('default', 'basic', 'standard', 'premium', 'platinum') and not limits ? 'auditDays';

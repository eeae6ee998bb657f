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

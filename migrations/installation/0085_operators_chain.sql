-- +goose Up
-- The operators' log is sealed as the log of every organisation is: docs/audit.md.

-- Seals of the operators' log: signed documents, as in audit_seal of a tenant.
create table control.audit_seal (
  seq bigint primary key check (seq > 0),
  document text not null,
  signature bytea not null,
  key_id text not null,
  entries int not null check (entries > 0), -- how many it has, as the document says
  newest timestamptz not null, -- of their times, as the document says
  sealed_at timestamptz not null
);

-- Nothing of the operators' log is deleted, so this stays empty; the chain is read with the same statements as a tenant's.
create table control.audit_checkpoint (
  seq bigint primary key check (seq > 0),
  document text not null,
  signature bytea not null,
  key_id text not null
);

-- The worker seals: it reads entries, adds seals, and changes neither. Of the schema it has these tables alone.
grant usage on schema control to cloudkida_worker;
grant select on control.audit_entry, control.audit_checkpoint to cloudkida_worker;
grant select, insert on control.audit_seal to cloudkida_worker;
grant select on control.audit_seal, control.audit_checkpoint to cloudkida_control;

-- Entries wait for their seal under the id of no tenant.
-- +goose StatementBegin
create function app.queue_operators_audit() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into app.audit_unsealed (tenant_id, id) select '00000000-0000-0000-0000-000000000000', id from added on conflict do nothing;
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.queue_operators_audit() from public;

-- What the owner of the database makes up is not queued, and so is found.
create trigger queue after insert on control.audit_entry referencing new table as added for each statement
  when (current_user in ('cloudkida_control', 'cloudkida_identity')) execute function app.queue_operators_audit();

insert into app.audit_unsealed (tenant_id, id) select '00000000-0000-0000-0000-000000000000', id from control.audit_entry on conflict do nothing;

-- The log is found by what entries of a tenant's are found by.
create index audit_entry_target on control.audit_entry (target, id);
create index audit_entry_request on control.audit_entry (request, id) where request <> '';
create index audit_entry_address on control.audit_entry (address, id) where address <> '';

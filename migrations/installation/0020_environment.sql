-- +goose Up
-- What runs where: no content, so that capacity, reaping and operators need no tenant's data. A row exists from
-- admission until its environment is gone.

create schema runtime;
grant usage on schema runtime to cloudkida_control;

create table runtime.environment (
  id uuid primary key,
  tenant_id uuid not null references control.tenant (id),
  session_id uuid not null unique,
  user_id uuid not null,
  lab text not null,
  host text not null,
  state text not null check (state in ('admitted', 'provisioning', 'ready', 'ending')),
  deadline timestamptz not null, -- when the reaper ends it if nothing else did
  created_at timestamptz not null default now()
);
create index environment_deadline on runtime.environment (host, deadline);
grant select, insert, update, delete on runtime.environment to cloudkida_control;

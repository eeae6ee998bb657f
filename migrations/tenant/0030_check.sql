-- +goose Up
-- The latest result of each check of a session. A check that passed stays passed.

create table check_result (
  tenant_id uuid not null default app.tenant_id(),
  session_id uuid not null,
  step int not null,
  name text not null,
  state text not null check (state in ('passed', 'failed', 'error')),
  message text not null default '',
  failures int not null default 0, -- failed runs by the learner's button
  checked_at timestamptz not null default now(),
  primary key (tenant_id, session_id, step, name),
  foreign key (tenant_id, session_id) references session (tenant_id, id) on delete cascade
);
select app.protect_tenant_table('check_result');

-- +goose Up
-- Usage plans: the limits of tiers that there were no names for, limits of single programs, and what was counted.

-- Limits of one person, so that nobody takes all of their organisation's rate; individuals have no others. Streams are
-- answers that go on, such as of a session's events.
update control.tier set version = version + 1, limits = limits - 'rate' - 'burst'
  || '{"userRate": 20, "userBurst": 60, "streamsPerUser": 20, "exports": 1}' where name = 'default';
update control.tier set version = version + 1, limits = limits
  || '{"userRate": 20, "userBurst": 60, "monthlyRequests": 20000, "exports": 1, "streams": 200, "streamsPerUser": 20}' where name = 'basic';
update control.tier set version = version + 1, limits = limits
  || '{"userRate": 20, "userBurst": 60, "monthlyRequests": 60000, "exports": 1, "streams": 1000, "streamsPerUser": 20}' where name = 'standard';
update control.tier set version = version + 1, limits = limits
  || '{"userRate": 20, "userBurst": 60, "monthlyRequests": 100000, "exports": 2, "streams": 5000, "streamsPerUser": 20}' where name = 'premium';
update control.tier set version = version + 1, limits = limits
  || '{"userRate": 30, "userBurst": 100, "monthlyRequests": 200000, "exports": 3, "streams": 20000, "streamsPerUser": 20}' where name = 'platinum';

-- What an organisation allows one of its API keys or machine clients; what is null is bounded by the organisation's plan
-- alone. The program's own row may be gone: identity keeps those.
create table control.program_limit (
  tenant_id uuid not null references control.tenant (id) on delete cascade,
  program_id uuid not null,
  rate bigint check (rate >= 0),
  burst bigint check (burst >= 0),
  daily bigint check (daily >= 0),
  monthly bigint check (monthly >= 0),
  set_at timestamptz not null default now(),
  primary key (tenant_id, program_id),
  check (num_nonnulls(rate, burst, daily, monthly) > 0)
);
grant select, insert, update, delete on control.program_limit to cloudkida_control;

-- Requests of API keys and machine clients. The zero UUID in place of the program is all of the tenant's together.
create table control.request_count (
  tenant_id uuid not null references control.tenant (id) on delete cascade,
  program_id uuid not null,
  period text not null check (period in ('day', 'month')),
  since date not null, -- the period's first day, UTC
  requests bigint not null check (requests >= 0),
  primary key (tenant_id, period, since, program_id)
) with (fillfactor = 70); -- rows are updated every few seconds
create index request_count_old on control.request_count (period, since);
grant select, insert, update, delete on control.request_count to cloudkida_control;

-- Every process forgets a plan that has changed. A tier is of many tenants: its name stands for all of them.
-- +goose StatementBegin
create function app.hint_plan() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'tier' then
    perform app.hint('plan', 'tier');
  else
    perform app.hint('plan', coalesce(new.tenant_id, old.tenant_id)::text);
  end if;
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.hint_plan() from public;
create trigger hint after update on control.tier
  for each row when (old.* is distinct from new.*) execute function app.hint_plan();
create trigger hint after insert or update or delete on control.tenant_limit
  for each row execute function app.hint_plan();
create trigger hint after insert or update or delete on control.program_limit
  for each row execute function app.hint_plan();

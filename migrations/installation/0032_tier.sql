-- +goose Up
-- Tiers are rows that operators edit; every limit of one is per tenant. A limit that is missing is no limit.

create table control.tier (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{1,38}$'),
  title text not null check (length(title) between 1 and 60),
  summary text not null default '' check (length(summary) <= 300),
  position int not null default 0, -- the order in which they are shown
  placement text not null check (placement in ('pool', 'silo')),
  public boolean not null default true, -- offered at sign-up
  price bigint not null default 0 check (price >= 0), -- a month, in the smallest unit of its currency
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
  features text[] not null default '{}',
  version bigint not null default 1, -- grows with every change
  updated_at timestamptz not null default now()
);
grant select, insert, update, delete on control.tier to cloudkida_control;

insert into control.tier (name, title, summary, position, placement, public, price, limits, features) values
  ('default', 'Individuals', 'People who sign up by themselves; the limits are for each of them.', 0, 'pool', false, 0,
    '{"sessionsPerUser": 2, "rate": 20, "burst": 40}', '{}'),
  ('basic', 'Basic', 'For a first class.', 1, 'pool', true, 0,
    '{"members": 50, "sessions": 10, "sessionsPerUser": 2, "rate": 50, "burst": 50, "dailyRequests": 1000, "storage": 1073741824}', '{}'),
  ('standard', 'Standard', 'For a school or a team.', 2, 'pool', true, 9900,
    '{"members": 250, "sessions": 50, "sessionsPerUser": 3, "rate": 75, "burst": 100, "dailyRequests": 3000, "storage": 5368709120}', '{email-domains}'),
  ('premium', 'Premium', 'A reserved share of the machines.', 3, 'pool', true, 49900,
    '{"members": 2000, "sessions": 200, "sessionsPerUser": 5, "rate": 100, "burst": 200, "dailyRequests": 5000, "storage": 21474836480}', '{email-domains,own-identity-provider}'),
  ('platinum', 'Platinum', 'A silo: own schema, own database role, own user pool.', 4, 'silo', true, 199900,
    '{"members": 20000, "sessions": 1000, "sessionsPerUser": 10, "rate": 300, "burst": 300, "dailyRequests": 10000, "storage": 107374182400}', '{email-domains,own-identity-provider}');

alter table control.tenant add constraint tenant_tier foreign key (tier) references control.tier (name);

-- A limit of one tenant in place of its tier's.
create table control.tenant_limit (
  tenant_id uuid not null references control.tenant (id) on delete cascade,
  name text not null,
  value bigint not null check (value >= 0),
  reason text not null default '' check (length(reason) <= 300),
  set_at timestamptz not null default now(),
  primary key (tenant_id, name)
);
grant select, insert, update, delete on control.tenant_limit to cloudkida_control;

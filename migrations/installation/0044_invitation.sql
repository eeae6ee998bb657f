-- +goose Up
-- Invitations by e-mail, and memberships that are disabled for a while.

-- A disabled member may not act in the tenant; role and groups are kept.
alter table identity.membership drop constraint membership_status_check;
alter table identity.membership add constraint membership_status_check check (status in ('active', 'disabled', 'removed'));

-- Whoever has the mailbox has the token: its hash is all that is kept.
create table identity.invitation (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id),
  email text not null check (length(email) <= 254), -- as it was typed
  email_key text collate "C" not null, -- as identity compares addresses
  role text not null check (role in ('owner', 'admin', 'author', 'instructor', 'learner')),
  groups uuid[] not null default '{}' check (cardinality(groups) <= 20), -- of the tenant's data: what is gone by then is left out
  token_hash bytea not null unique,
  invited_by uuid references identity."user" (id) on delete set null,
  user_id uuid references identity."user" (id) on delete cascade, -- who accepted
  sends int not null default 1, -- mails so far
  sent_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  revoked_at timestamptz
);
-- One open invitation per address: inviting again renews it.
create unique index invitation_open on identity.invitation (tenant_id, email_key) where accepted_at is null and revoked_at is null;
create index invitation_list on identity.invitation (tenant_id, id);
create index invitation_sent on identity.invitation (tenant_id, sent_at);
create index invitation_user on identity.invitation (user_id);
create index invitation_by on identity.invitation (invited_by);
create index invitation_expiry on identity.invitation (expires_at);
grant select, insert, update, delete on identity.invitation to cloudkida_identity;

-- As for memberships: with the setting no row of another tenant is there. Who accepts has a token and no tenant yet.
alter table identity.invitation enable row level security;
create policy identity on identity.invitation to cloudkida_identity
  using (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));

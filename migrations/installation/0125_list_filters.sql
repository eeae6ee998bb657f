-- +goose Up
-- Pages of lists that are chosen by a role, a state, a tier or a text: each is read by an index in the order that it is
-- shown in, or is short enough to be sorted.

create index membership_by_role on identity.membership (tenant_id, role, user_id) where status <> 'removed';
create index membership_by_role_joined on identity.membership (tenant_id, role, created_at, user_id) where status <> 'removed';
create index membership_disabled on identity.membership (tenant_id, user_id) where status = 'disabled';
create index membership_disabled_joined on identity.membership (tenant_id, created_at, user_id) where status = 'disabled';

create index invitation_accepted on identity.invitation (tenant_id, id) where accepted_at is not null;
create index invitation_revoked on identity.invitation (tenant_id, id) where accepted_at is null and revoked_at is not null;
create index invitation_waiting on identity.invitation (tenant_id, expires_at) where accepted_at is null and revoked_at is null;

create index workflow_by_state on control.workflow (state, id);

create index tenant_by_status_name on control.tenant (status, name);
create index tenant_by_tier on control.tenant (tier, id);
create index tenant_by_tier_name on control.tenant (tier, name);
create index tenant_silo on control.tenant (id) where placement = 'silo';
create index tenant_silo_name on control.tenant (name) where placement = 'silo';

-- Organisations are found as people are (0057): by the start of their name, and of the first four words of their title. The
-- first word has its index since 0036.
create index tenant_name on control.tenant (name text_pattern_ops);
create index tenant_title_2 on control.tenant (substring(lower(title) from '^[^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(title) from '^[^ ]+ (.*)$') is not null;
create index tenant_title_3 on control.tenant (substring(lower(title) from '^[^ ]+ [^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(title) from '^[^ ]+ [^ ]+ (.*)$') is not null;
create index tenant_title_4 on control.tenant (substring(lower(title) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(title) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') is not null;
-- As in 0095: without it the planner thinks that a search finds thousands.
create statistics control.tenant_words on
  (lower(title)),
  (substring(lower(title) from '^[^ ]+ (.*)$')),
  (substring(lower(title) from '^[^ ]+ [^ ]+ (.*)$')),
  (substring(lower(title) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$'))
  from control.tenant;
analyze control.tenant;

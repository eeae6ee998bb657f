-- +goose Up
-- A user pool for each silo tenant. People of the pool `default` belong to pooled tenants, people of a silo's pool to
-- that silo alone: the database holds to it, so that a sign-in of one pool never opens a tenant of another.

grant select (status_reason) on control.tenant to cloudkida_identity;

-- A pool belongs to one tenant: `default` to the default tenant, each other one to its silo.
alter table identity.pool add constraint pool_of_one_tenant unique (tenant_id);
grant insert, delete on identity.pool to cloudkida_identity;
grant insert, delete on identity.client to cloudkida_identity;
grant delete on identity.signing_key, identity."user", identity.membership, identity.refresh_token to cloudkida_identity;
create index token_family_tenant on identity.token_family (tenant_id);
create index auth_code_tenant on identity.auth_code (tenant_id);

-- +goose StatementBegin
create function identity.pool_of(tenant uuid) returns uuid
  language sql stable parallel safe
  return coalesce((select id from identity.pool where tenant_id = tenant), (select id from identity.pool where name = 'default'));
-- +goose StatementEnd
comment on function identity.pool_of(uuid) is 'The user pool whose people a tenant has.';
revoke execute on function identity.pool_of(uuid) from public;
grant execute on function identity.pool_of(uuid) to cloudkida_identity;

-- +goose StatementBegin
create function identity.check_membership_pool() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (select u.pool_id from identity."user" u where u.id = new.user_id) is distinct from identity.pool_of(new.tenant_id) then
    raise exception 'the user is of another pool than the tenant' using errcode = 'check_violation', constraint = 'membership_pool';
  end if;
  return new;
end
$$;
-- +goose StatementEnd
revoke execute on function identity.check_membership_pool() from public;
create trigger pool before insert or update of user_id, tenant_id on identity.membership
  for each row execute function identity.check_membership_pool();

-- Lists of a tenant's members are read and changed with this setting: then no row of another tenant is there, whatever
-- the statement forgets. The authorizer, who must look before any tenant is known, does without.
alter table identity.membership enable row level security;
create policy identity on identity.membership to cloudkida_identity
  using (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id))
  with check (tenant_id = coalesce((select nullif(current_setting('identity.tenant', true), '')::uuid), tenant_id));
create index membership_role on identity.membership (tenant_id, role, user_id) where status = 'active';

-- A link with which a person who has no password yet chooses one and enters.
alter table identity.one_time_link drop constraint one_time_link_kind_check;
alter table identity.one_time_link add constraint one_time_link_kind_check check (kind in ('setup', 'reset', 'enter'));

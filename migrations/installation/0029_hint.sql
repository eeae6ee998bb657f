-- +goose Up
-- Hints: every process is told that a member or a tenant has changed, so that what it remembers of them is dropped at
-- once. PostgreSQL lets every role listen to every channel and send to it, so the channel's name is a secret of the
-- owner: the application's role, whatever SQL it is made to run, can neither hear whose membership changed nor send
-- others hints that are none. Payloads are ids in any case, and a hint that is lost costs two seconds, not a wrong answer.

create table app.hint_channel (
  one boolean primary key default true check (one),
  name text not null default 'hint_' || replace(gen_random_uuid()::text, '-', '')
);
insert into app.hint_channel default values;
revoke all on app.hint_channel from public;

-- +goose StatementBegin
create function app.hint_channel_name() returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select name from app.hint_channel;
  end;
-- +goose StatementEnd
revoke execute on function app.hint_channel_name() from public;
grant execute on function app.hint_channel_name() to cloudkida_control;

-- Sent when the transaction commits; the same hint twice in one transaction is one.
-- +goose StatementBegin
create function app.hint(topic text, id text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if topic !~ '^[a-z-]{1,40}$' or id !~ '^[A-Za-z0-9:._-]{1,100}$' then
    raise exception 'a hint has a topic and an id and nothing else' using errcode = 'invalid_parameter_value';
  end if;
  perform pg_notify((select name from app.hint_channel), topic || ' ' || id);
end
$$;
-- +goose StatementEnd
revoke execute on function app.hint(text, text) from public;
grant execute on function app.hint(text, text) to cloudkida_control, cloudkida_identity;

-- Triggers rather than calls: no statement that takes a right away can forget to tell.
-- +goose StatementBegin
create function app.hint_member() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app.hint('member', old.user_id::text);
  return null;
end
$$;
-- +goose StatementEnd
-- +goose StatementBegin
create function app.hint_user() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app.hint('member', old.id::text);
  return null;
end
$$;
-- +goose StatementEnd
-- +goose StatementBegin
create function app.hint_tenant() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app.hint('tenant', old.id::text);
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function app.hint_member(), app.hint_user(), app.hint_tenant() from public;

create trigger hint after update or delete on identity.membership
  for each row execute function app.hint_member();
create trigger hint_changed after update of disabled_at, operator on identity."user"
  for each row when (old.disabled_at is distinct from new.disabled_at or old.operator is distinct from new.operator)
  execute function app.hint_user();
create trigger hint_deleted after delete on identity."user"
  for each row execute function app.hint_user();
-- Families that have expired are swept by the thousand; nobody remembers those.
create trigger hint after delete on identity.token_family
  for each row when (old.expires_at > now()) execute function app.hint_member();
create trigger hint after update on control.tenant
  for each row when (old.* is distinct from new.*) execute function app.hint_tenant();

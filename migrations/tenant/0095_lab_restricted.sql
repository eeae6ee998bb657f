-- +goose Up
-- Whether a lab is for members of groups alone, beside the lab: most labs are for everybody, and whoever reads one need
-- not look through the groups then. The database keeps it true, also when a group goes with its rows.

alter table lab add column restricted boolean not null default false;
update lab l set restricted = true
  where exists (select from group_lab x where x.tenant_id = l.tenant_id and x.lab_id = l.id);

-- The lab's row is locked before its groups are counted: of two changes at once the second counts what the first has left.
-- +goose StatementBegin
create function keep_restricted() returns trigger language plpgsql as $$
declare
  tenant uuid := coalesce(new.tenant_id, old.tenant_id);
  changed uuid;
begin
  for changed in select distinct id from unnest(array[old.lab_id, new.lab_id]) id where id is not null order by id loop
    perform from lab where tenant_id = tenant and id = changed for update;
    update lab set restricted = not restricted
      where tenant_id = tenant and id = changed
        and restricted <> exists (select from group_lab x where x.tenant_id = tenant and x.lab_id = changed);
  end loop;
  return null;
end
$$;
-- +goose StatementEnd
revoke execute on function keep_restricted() from public;
-- +goose StatementBegin
do $$
begin
  execute format('alter function keep_restricted() set search_path = %I, pg_temp', current_schema());
end
$$;
-- +goose StatementEnd
create trigger keep_restricted after insert or update or delete on group_lab
  for each row execute function keep_restricted();

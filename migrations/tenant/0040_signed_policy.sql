-- +goose Up
-- Policies that were made before scopes were signed ask for the verified tenant, as newer ones do from the start.

-- +goose StatementBegin
do $$
declare
  p record;
begin
  for p in select tablename from pg_policies where schemaname = current_schema() and policyname = 'tenant' loop
    execute format('alter policy tenant on %I using (tenant_id = (select s.tenant_id from app.scope s))'
      ' with check (tenant_id = (select s.tenant_id from app.scope s))', p.tablename);
  end loop;
end
$$;
-- +goose StatementEnd

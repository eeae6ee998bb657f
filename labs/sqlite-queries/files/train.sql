-- The night train's bookings of one year. The numbers look random and are the same on every machine: each is calculated
-- from the row's own number.
pragma journal_mode = delete;
begin;

create table city (
    id integer primary key,
    name text not null unique
);
insert into city (name) values ('Oslo'), ('Bergen'), ('Narvik'), ('Kiruna'), ('Malmö'), ('Hamburg'), ('Visby');

create table passenger (
    id integer primary key,
    name text not null,
    email text,                               -- NULL: has none
    city_id integer not null references city (id)
);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 600),
random as (select i, (i * 2654435761 % 4294967296) >> 12 as a, (i * 40503001 % 4294967291) >> 12 as b, (i * 1327217885 % 4294967279) >> 12 as c from n)
insert into passenger (id, name, email, city_id)
select i,
    (case a % 12 when 0 then 'Ada' when 1 then 'Bjarne' when 2 then 'Chioma' when 3 then 'Dmitri' when 4 then 'Elin' when 5 then 'Farid'
        when 6 then 'Greta' when 7 then 'Hiro' when 8 then 'Ingrid' when 9 then 'Jonas' when 10 then 'Kavya' else 'Leif' end)
    || ' ' ||
    (case b % 10 when 0 then 'Berg' when 1 then 'Dahl' when 2 then 'Eklund' when 3 then 'Fors' when 4 then 'Holm' when 5 then 'Lind'
        when 6 then 'Moe' when 7 then 'Nyström' when 8 then 'Rao' else 'Strand' end)
    || ' ' || i,
    case when c % 5 = 0 then null else 'p' || i || '@example.org' end,
    case when c % 100 < 35 then 1 when c % 100 < 55 then 2 when c % 100 < 62 then 3 when c % 100 < 68 then 4 when c % 100 < 82 then 5
        when c % 100 < 97 then 6 else 7 end
from random;

create table train (
    id integer primary key,
    name text not null,
    origin_id integer not null references city (id),
    destination_id integer not null references city (id),
    seats integer not null
);
insert into train (name, origin_id, destination_id, seats) values
    ('Polar Star', 1, 3, 180), ('Fjord Runner', 1, 2, 220), ('Midnight Ore', 3, 4, 90), ('Baltic Dream', 5, 6, 240), ('Ghost Line', 2, 7, 60);

create table booking (
    id integer primary key,
    passenger_id integer not null references passenger (id),
    train_id integer not null references train (id),
    departure text not null,                  -- 2025-06-14
    seat integer not null,
    price integer not null,                   -- in cents
    unique (train_id, departure, seat)
);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 40000),
random as (select i, (i * 2654435761 % 4294967296) >> 12 as a, (i * 40503001 % 4294967291) >> 12 as b, (i * 1327217885 % 4294967279) >> 12 as c,
    (i * 741103597 % 4294967231) >> 12 as d from n),
choice as (select *, case when a % 100 < 24 then 1 when a % 100 < 63 then 2 when a % 100 < 74 then 3 else 4 end as train from random)
insert or ignore into booking (id, passenger_id, train_id, departure, seat, price)
select i,
    1 + b % 591,                              -- the last nine have never travelled
    train,                                    -- nobody books the Ghost Line
    date('2025-01-01', '+' || (c % 365) || ' days'),
    1 + d % (select seats from train as t where t.id = train),
    3900 + ((a + c) % 60) * 100
from choice;

commit;

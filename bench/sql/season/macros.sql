-- Definitions shared by the season's queries. Everything is derived from hashes of numbers, so the season is the same
-- on every machine. Days are counted from the season's first day, the $first_day of its tables.
create macro text_id(kind, number) as cast(cast(md5(kind || ' ' || number) as uuid) as varchar);

create macro artist_id(number) as 'artist-' || lpad(cast(number as varchar), 4, '0');

create macro live_id(number) as 'live-' || lpad(cast(number as varchar), 5, '0');

-- Four in five lives are published before the season, the others during its first year.
create macro published_on_day(number) as case when number < 4000 then -30 else (number - 4000) * 360 // 1000 end;

-- Nine in ten lives last half an hour to two hours. The others are shorter, and most of them are of another kind.
create macro duration_s(number) as cast(case
    when hash(number, 'length') % 10 = 0 then 240 + hash(number, 'short') % 1500
    else 1800 + hash(number, 'long') % 5400
end as bigint);

-- The first day that a subscriber pays for: up to a month before the season or, for one in ten, within its first year.
create macro joined_on_day(number) as case
    when hash(number, 'joins') % 10 = 0 then cast(hash(number, 'late') % 360 as bigint)
    else cast(hash(number, 'early') % 30 as bigint) - 30
end;

-- No one leaves before three months; one in eight leaves within two years.
create macro months_paid(number) as case
    when hash(number, 'leaves') % 8 = 0 then 3 + cast(hash(number, 'when') % 22 as bigint)
    else 1200
end;

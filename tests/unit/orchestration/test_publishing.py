"""The serving copy: new names only, swapped by rename, three kept, nothing personal in it."""

import duckdb
import pytest

from ingestion.settings import Settings
from orchestration.publishing import CURRENT, PUBLISHED_MARTS, PersonalDataError, publish


@pytest.fixture
def settings(tmp_path):
    settings = Settings(home=tmp_path)
    settings.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("create schema marts")
        for mart in (*PUBLISHED_MARTS, "dim_payees", "dim_subscribers"):
            con.execute(f"create table marts.{mart} as select 1 as id, 'x' as name")
    return settings


def read(settings, sql):
    with duckdb.connect((settings.serving_dir / CURRENT).resolve(), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_only_published_marts_are_in_it(settings):
    copy = publish(settings, inputs="a" * 64)
    tables = read(settings, "select table_name from duckdb_tables() where schema_name = 'marts' order by 1")
    assert [name for (name,) in tables] == sorted(PUBLISHED_MARTS)
    assert copy.rows == dict.fromkeys(PUBLISHED_MARTS, 1)


def test_a_copy_of_the_same_inputs_is_kept(settings):
    first = publish(settings, inputs="a" * 64)
    again = publish(settings, inputs="a" * 64)
    assert first.is_new
    assert (again.path, again.rows, again.is_new) == (first.path, first.rows, False)


def test_every_copy_has_a_new_name_also_of_inputs_that_come_back(settings):
    paths = [publish(settings, inputs=inputs * 64).path for inputs in "abab"]
    assert len(set(paths)) == 4
    assert (settings.serving_dir / CURRENT).resolve() == paths[-1]
    assert sorted(settings.serving_dir.glob("allive-*")) == sorted(paths[1:])


def test_a_reader_of_the_old_copy_is_not_disturbed(settings):
    publish(settings, inputs="0" * 64)
    with duckdb.connect((settings.serving_dir / CURRENT).resolve(), read_only=True) as reader:
        for inputs in "abcd":
            publish(settings, inputs=inputs * 64)
        assert reader.execute("select count(*) from marts.dim_lives").fetchone() == (1,)


@pytest.mark.parametrize("column", ["subscriber_id", "email", "iban"])
def test_a_personal_column_stops_it_and_the_old_copy_stays(settings, column):
    before = publish(settings, inputs="a" * 64)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(f"alter table marts.dim_artists add column {column} varchar")
    with pytest.raises(PersonalDataError, match=f"dim_artists.{column}"):
        publish(settings, inputs="b" * 64)
    assert (settings.serving_dir / CURRENT).resolve() == before.path

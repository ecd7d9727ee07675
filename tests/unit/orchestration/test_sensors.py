"""Files that land ask for one refresh; what is still on its way does not."""

import dagster as dg
import pytest

from orchestration.defs.sensors import landed_files


@pytest.fixture
def landing(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    (tmp_path / "landing" / "lives").mkdir(parents=True)
    return tmp_path / "landing"


@pytest.fixture
def look():
    cursor = None

    def look_once():
        nonlocal cursor
        context = dg.build_sensor_context(cursor=cursor)
        answer = landed_files(context)
        cursor = context.cursor
        return answer

    return look_once


def test_an_empty_landing_is_nothing_to_do(landing, look):
    assert "Nothing new" in look().skip_message


def test_a_file_asks_once_and_a_further_one_again(landing, look):
    (landing / "lives" / "a.csv").write_text("live_id\n")
    first = look()
    assert isinstance(first, dg.RunRequest)
    assert "Nothing new" in look().skip_message
    assert "Nothing new" in look().skip_message
    (landing / "lives" / "b.csv").write_text("live_id\n")
    second = look()
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key


@pytest.mark.parametrize("name", ["a.csv.part", "_a.csv", ".a.csv", "a.txt"])
def test_what_is_not_delivered_yet_asks_for_nothing(landing, look, name):
    (landing / "lives" / name).write_text("live_id\n")
    assert isinstance(look(), dg.SkipReason)


def test_another_content_under_the_same_name_asks_again(landing, look):
    (landing / "lives" / "a.csv").write_text("live_id\n")
    look()
    (landing / "lives" / ".new").write_text("live_id\nx\n")
    (landing / "lives" / ".new").rename(landing / "lives" / "a.csv")
    assert isinstance(look(), dg.RunRequest)


def test_a_request_that_got_lost_is_made_again(landing):
    """The cursor is kept with the request: where the daemon died before, the same cursor comes again."""
    (landing / "lives" / "a.csv").write_text("live_id\n")
    asked = [landed_files(dg.build_sensor_context(cursor=None)) for _ in range(2)]
    assert asked[0].run_key == asked[1].run_key

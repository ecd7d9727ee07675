"""A data home records its format; a newer format is refused before anything is read or written."""

import json

import pytest

from allive.ingestion.home_format import FormatError, home_format
from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings


def stamp(home, content):
    (home / "format.json").write_text(content, encoding="utf-8")
    return Settings(home=home)


def test_a_home_is_stamped_when_it_is_first_worked_on(tmp_path):
    settings = Settings(home=tmp_path / "home")
    with data_home_lock(settings, command="allive run"):
        pass
    stamp = settings.home / "format.json"
    assert stamp.exists()
    assert json.loads(stamp.read_text(encoding="utf-8")) == {"format": 1}


def test_a_home_without_a_stamp_has_format_1(tmp_path):
    assert home_format(Settings(home=tmp_path)) == 1


def test_a_stamp_is_written_once(tmp_path):
    settings = stamp(tmp_path, '{"format": 1, "note": "restored"}')
    with data_home_lock(settings, command="allive run"):
        pass
    assert "restored" in (tmp_path / "format.json").read_text(encoding="utf-8")


def test_a_newer_home_is_refused_with_what_was_found_what_is_known_and_what_to_do(tmp_path):
    settings = stamp(tmp_path, '{"format": 7}')
    with pytest.raises(FormatError) as refused, data_home_lock(settings, command="allive run"):
        pass
    assert f"{tmp_path} has format 7" in str(refused.value)
    assert "knows formats up to 2" in str(refused.value)
    assert "Upgrade the project" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "1.0", '{"format": "1"}', '{"format": true}', '{"format": 0}'])
def test_a_stamp_that_says_no_format_is_refused(tmp_path, content):
    with pytest.raises(FormatError, match="Restore it from a backup"):
        home_format(stamp(tmp_path, content))

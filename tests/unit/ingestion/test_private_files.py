"""Files of a data home that others can read are named, and new files are private."""

import os

import pytest

from allive.ingestion import private_files
from allive.ingestion.settings import Settings


@pytest.fixture
def home(tmp_path):
    """A data home with the permissions that a umask of 022 gives."""
    home = tmp_path / "home"
    for folder in ("payouts", "raw", "access", "landing", "serving"):
        (home / folder).mkdir(parents=True)
        (home / folder).chmod(0o755)
    (home / "allive.env").write_text("", encoding="ascii")
    (home / "allive.env").chmod(0o644)
    home.chmod(0o755)
    return home


def named(home):
    return [path.name for path in private_files.readable_by_others(Settings(home=home))]


def test_what_others_can_read_is_named_and_landing_is_the_deliverer_s(home):
    assert named(home) == ["access", "allive.env", "payouts", "raw", "serving"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_group_counts_as_others(home, mode):
    for folder in ("access", "payouts", "raw", "serving"):
        (home / folder).chmod(0o700)
    (home / "allive.env").chmod(mode)
    assert named(home) == ["allive.env"]


def test_in_a_home_that_nobody_else_can_enter_nothing_is_in_reach(home):
    home.chmod(0o700)
    assert named(home) == []


def test_a_home_that_is_not_there_yet_has_nothing_to_read(tmp_path):
    assert named(tmp_path / "none") == []


def test_new_files_are_private(tmp_path):
    before = os.umask(0o022)
    try:
        private_files.keep_new_files_private()
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file").write_text("", encoding="ascii")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("folder", "folder/file")]
    assert modes == [0o700, 0o600]

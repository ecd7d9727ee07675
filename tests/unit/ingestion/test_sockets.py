"""A service's sockets are in a private folder with a short path, which is removed with the service."""

import os
import socket
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.ingestion.sockets import (
    CODE_SERVER,
    WEB_SERVER,
    SocketFolderError,
    make_socket_folder,
    remove_socket_folder,
    socket_path,
)


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Settings:
    home = tmp_path_factory.mktemp("h")
    monkeypatch.setattr("allive.ingestion.sockets._LONGEST_FOLDER", 100)
    return Settings(home=home)


def bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    return listener


def test_it_is_in_the_data_home_and_private(short: Settings) -> None:
    before = os.umask(0)
    try:
        folder = make_socket_folder(short)
    finally:
        os.umask(before)
    assert folder == short.home / "run" == socket_path(short, WEB_SERVER).parent
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_socket_of_a_killed_service_is_in_nobodys_way(short: Settings) -> None:
    bound(make_socket_folder(short) / WEB_SERVER).close()
    again = make_socket_folder(short)
    assert list(again.iterdir()) == []
    bound(again / WEB_SERVER).close()
    remove_socket_folder(short)
    assert not again.exists()


@pytest.mark.parametrize("name", ["a" * 100, "été", "with blank", "percent%41", "question?mark"])
def test_where_the_path_is_no_path_for_a_socket_it_lies_elsewhere(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / name)
    folder = make_socket_folder(settings)
    assert not folder.is_relative_to(settings.home)
    assert folder.stat().st_mode & 0o777 == 0o700
    path = socket_path(settings, CODE_SERVER)
    assert path == folder / CODE_SERVER
    bound(path).close()
    another = make_socket_folder(settings)
    assert another != folder
    assert not folder.exists()
    remove_socket_folder(settings)
    assert not another.exists()


def test_a_folder_that_others_may_enter_is_refused(short: Settings) -> None:
    make_socket_folder(short)
    short.run_dir.chmod(0o711)
    with pytest.raises(SocketFolderError, match="mode 0700"):
        socket_path(short, WEB_SERVER)


def test_a_link_in_its_place_is_not_followed(short: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "kept").touch()
    short.run_dir.symlink_to(elsewhere)
    with pytest.raises(SocketFolderError):
        make_socket_folder(short)
    assert (elsewhere / "kept").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_somebody_else_is_refused(short: Settings, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir(mode=0o700)
    os.chown(planted, 65_534, 65_534)
    make_socket_folder(short)
    (short.run_dir / "elsewhere").symlink_to(planted)
    with pytest.raises(SocketFolderError):
        socket_path(short, WEB_SERVER)
    remove_socket_folder(short)
    assert planted.exists()


def test_without_a_service_there_is_an_address_where_nobody_answers(short: Settings) -> None:
    path = socket_path(short, WEB_SERVER)
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(OSError, match="No such file"):
        probe.connect(str(path))

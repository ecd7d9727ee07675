"""Who acts is the user of the operating system, and who signed in where that is somebody else."""

import os
import pwd
from types import SimpleNamespace

import pytest

from ingestion import os_user

NAMES = {1000: "nina", 990: "allive"}
NO_LOGIN = "4294967295"


@pytest.fixture
def acting(tmp_path, monkeypatch):
    """Act as a uid behind a login."""

    def act(uid, login):
        monkeypatch.setattr(os, "getuid", lambda: uid)
        monkeypatch.setattr(pwd, "getpwuid", lambda of: SimpleNamespace(pw_name=NAMES[of]))
        if login is not None:
            (tmp_path / "loginuid").write_text(login, encoding="ascii")
        monkeypatch.setattr(os_user, "_LOGIN_UID", tmp_path / "loginuid")
        return os_user.acting_user()

    return act


@pytest.mark.parametrize(
    ("uid", "login", "name"),
    [
        pytest.param(1000, "1000", "nina", id="who signed in"),
        pytest.param(990, "1000", "nina as allive", id="sudo -u allive"),
        pytest.param(990, NO_LOGIN, "allive", id="a service, which nobody signed in to start"),
        pytest.param(990, None, "allive", id="no such file, outside of Linux"),
        pytest.param(990, "", "allive", id="nothing in it"),
        pytest.param(4711, "4711", "uid 4711", id="a user without a name, in a container"),
        pytest.param(990, "4711", "uid 4711 as allive", id="a login without a name"),
    ],
)
def test_the_name_is_the_password_database_s(acting, uid, login, name):
    assert acting(uid, login) == name


def test_the_environment_does_not_say_it(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER", "ALLIVE_OPERATOR"):
        monkeypatch.setenv(variable, "somebody else")
    assert "somebody else" not in os_user.acting_user()
    assert os_user.acting_user().endswith(pwd.getpwuid(os.getuid()).pw_name)

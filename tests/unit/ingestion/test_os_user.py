"""The acting user is the operating system's user, with the user who signed in if that is another one."""

import os
import pwd
from types import SimpleNamespace

import pytest

from allive.ingestion import os_user

NAMES = {1000: "nina", 990: "allive"}
NO_LOGIN = "4294967295"


@pytest.fixture
def acting(tmp_path, monkeypatch):
    """Act as a uid with a login uid."""

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
        pytest.param(1000, "1000", "nina", id="the user who signed in"),
        pytest.param(990, "1000", "nina as allive", id="sudo -u allive"),
        pytest.param(990, NO_LOGIN, "allive", id="a service, started without a login"),
        pytest.param(990, None, "allive", id="no login uid file, outside Linux"),
        pytest.param(990, "", "allive", id="an empty login uid file"),
        pytest.param(4711, "4711", "uid 4711", id="a user without a name, in a container"),
        pytest.param(990, "4711", "uid 4711 as allive", id="a login without a name"),
    ],
)
def test_the_name_is_the_password_database_s(acting, uid, login, name):
    assert acting(uid, login) == name


def test_the_environment_does_not_say_it(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER", "ALLIVE_OPERATOR"):
        monkeypatch.setenv(variable, "another user")
    assert "another user" not in os_user.acting_user()
    assert os_user.acting_user().endswith(pwd.getpwuid(os.getuid()).pw_name)

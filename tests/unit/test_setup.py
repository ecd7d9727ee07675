"""The `make` targets install missing packages; tested with fake apt-get, Playwright and Chromium."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser import chromium
from tests.browser.chromium import BrowserMissingError, find_chromium

ROOT = Path(__file__).parents[2]
CI = ROOT / ".ci"
MISSING = "error while loading shared libraries: libatomic.so.1"
DEADLINE_S = 60


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder to put first in PATH: the user is root, and apt-get records its arguments."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs / "id", "echo 0")
    program(programs / "apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{tmp_path}/asked; touch {tmp_path}/installed')
    return programs


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(machine: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command],
        cwd=machine.parent,
        env={"PATH": f"{machine}:/usr/bin:/bin", "HOME": str(machine.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


def test_packages_are_installed_without_a_question(machine: Path) -> None:
    done = run(machine, CI / "distribution-packages", "setup", "tzdata", "python3-venv")
    assert done.returncode == 0
    asked = (machine.parent / "asked").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in asked] == ["noninteractive", "noninteractive"], "update, then install"
    assert asked[1].endswith("install -y --no-install-recommends tzdata python3-venv")


def test_a_package_that_is_not_to_be_had_is_an_error_that_names_it(machine: Path) -> None:
    program(machine / "apt-get", "echo 'E: Unable to locate package nonsense'; exit 100")
    done = run(machine, CI / "distribution-packages", "browser", "nonsense")
    assert done.returncode == 1
    assert "browser: apt-get could not install nonsense" in done.stderr
    assert "Unable to locate package" in done.stderr


def test_without_root_and_sudo_it_says_what_to_ask_root_for(machine: Path, tmp_path: Path) -> None:
    program(machine / "id", "echo 1000")
    for name in ("bash", "sh", "env"):
        (machine / name).symlink_to(shutil.which(name) or "")
    done = subprocess.run(
        ["bash", CI / "distribution-packages", "setup", "python3-venv"],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 1
    assert "Ask root for: apt-get install python3-venv" in done.stderr
    assert not (tmp_path / "asked").exists()


def test_the_library_that_playwrights_driver_lacks_is_installed_once(machine: Path, tmp_path: Path) -> None:
    lock = tmp_path / "tests" / "browser" / "package-lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{}", encoding="utf-8")
    (lock.parent / "node_modules").mkdir()
    noted = f"{hashlib.sha256(b'{}').hexdigest()}  tests/browser/package-lock.json without its Chromium\n"
    (lock.parent / "node_modules" / ".installed").write_text(noted, encoding="utf-8")
    program(machine / "chromium", "echo Chromium 1")
    driver = f"[ -e {tmp_path}/installed ] || {{ echo '{MISSING}' >&2; exit 127; }}; echo v24"
    program(tmp_path / "package" / "driver" / "node", driver)
    program(tmp_path / "venv" / "bin" / "python", f"echo {tmp_path}/package")
    for _ in range(2):
        done = run(machine, CI / "browser-env", "venv")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").exists(), "nothing was installed"
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert asked.count(" install ") == 1
    assert asked.rstrip().endswith("libatomic1")


def test_a_driver_that_does_not_start_is_one_sentence_and_no_traceback_a_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chromium, "NODE_MODULES", tmp_path)
    monkeypatch.setattr(chromium, "DRIVER", program(tmp_path / "node", f"echo '{MISSING}' >&2; exit 127"))
    with pytest.raises(BrowserMissingError, match=r"libatomic\.so\.1.*Run `make browser`"):
        find_chromium()


def test_npms_chromium_is_used_where_the_distributions_does_not_start(
    monkeypatch: pytest.MonkeyPatch, machine: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(chromium, "NODE_MODULES", tmp_path)
    monkeypatch.setattr(chromium, "DRIVER", program(tmp_path / "node", "echo v24"))
    npms = program(tmp_path / "npm-chromium", "echo Chromium 153")
    monkeypatch.setattr(chromium, "NPM_CHROMIUM", npms)
    # Ubuntu's package is a script that asks for a snap.
    shims = [program(machine / name, "echo 'requires the chromium snap' >&2; exit 1") for name in chromium.NAMES]
    monkeypatch.setenv("PATH", f"{machine}{os.pathsep}{os.environ['PATH']}")
    assert find_chromium() == npms
    program(shims[1], "echo Chromium 156")
    assert find_chromium() == shims[1], "the distribution's Chromium comes first"


def test_npms_lock_names_hashes_and_no_registry() -> None:
    lock = json.loads((ROOT / "tests" / "browser" / "package-lock.json").read_bytes())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert packages["node_modules/@sparticuz/chromium"]["optional"], "most machines do not need to download its 75 MB"

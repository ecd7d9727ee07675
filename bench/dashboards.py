"""The dashboards under load: fifty artists read over websockets, the serving copy is swapped, first pages are drawn.

Each artist is a signed-in session of a real server on the demo season, and opens another page at a brisk reader's
pace. A rerun is timed from the message that asks for it to the message that the script has finished.
"""

import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import httpx
import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from allive.dashboards.access import Role
from allive.dashboards.formatting import Language
from allive.dashboards.texts import Texts
from bench.report import Aim, Row, Section, open_console, print_report
from tests.browser.chromium import BrowserMissingError, find_chromium
from tests.browser.server import PASSWORD, Dashboards, served_home, serving

_SCRATCH = Path(tempfile.gettempdir()) / "allive-bench"
_ROOT = Path(__file__).resolve().parent.parent
PAUSE_S = 5.0
_MOST_P95_S = 0.2
_MOST_FIRST_PAGE_S = 3.0
_FIRST_PAGES = 3
_LONGEST_RERUN_S = 30.0
_PAGES = ("earnings", "lives", "audience", "statements")
_SHELL = Texts("shell", Language.FRENCH)
_ERRORS = tuple(_SHELL(f"state.{name}_title").encode() for name in ("error", "denied", "missing"))


@dataclass
class _Load:
    """The artists' rerun times and errors, and the serving copies that they saw."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    copies: set[str] = field(default_factory=set)


def run(
    *,
    artists: int,
    seconds: float,
    pause_s: float,
    scratch: Path,
    tell: Callable[[str], None],
    home: Path | None = None,
) -> Section:
    """Let artists read for some seconds and swap the copy meanwhile; draw first pages before and during the load."""
    demo = home or _demo_home(scratch, tell)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        home = served_home(demo, Path(folder) / "home")
        with serving(home) as server:
            tell("signing in")
            ids = _artist_ids(server)
            cookies = [_sign_in(server, number, ids[number % len(ids)]) for number in range(artists)]
            tell("drawing first pages")
            idle = _first_pages(server, cookies[-_FIRST_PAGES:])
            cpu_before = _cpu_seconds(server.pid)
            tell(f"{artists} artists for {seconds:g} s")
            load, loaded = asyncio.run(_read(server, cookies, seconds=seconds, pause_s=pause_s))
            cpu = _cpu_seconds(server.pid) - cpu_before
            peak = _peak_bytes(server.pid)
    reruns = sorted(load.seconds)
    return Section(
        title=(
            f"Dashboards: {artists} artists at the same time on the demo season, each opening another page every "
            f"{pause_s:g} s, for {seconds:g} s, and one swap of the copy; {os.cpu_count()} cores shared by all"
        ),
        rows=[
            Row("rerun, median", _at(reruns, 0.5), note=f"{len(reruns)} reruns, {len(reruns) / seconds:.1f} per s"),
            Row("rerun, p95", _at(reruns, 0.95), cpu_seconds=cpu, peak_bytes=peak, note="CPU and peak of the server"),
            Row("rerun, slowest", reruns[-1] if reruns else None),
            Row("first page in Chromium, idle", statistics.median(idle) if idle else None, note=_spread(idle)),
            Row(
                "first page in Chromium, under load",
                statistics.median(loaded) if loaded else None,
                note=_spread(loaded),
            ),
        ],
        aims=_aims(load, reruns, idle, artists),
    )


def _aims(load: _Load, reruns: Sequence[float], idle: Sequence[float], artists: int) -> list[Aim]:
    p95 = _at(reruns, 0.95)
    first = f"first page drawn in under {_MOST_FIRST_PAGE_S:g} s"
    found = f"{len(load.copies)} copies seen, {len(load.errors)} errors" + "".join(f"; {e}" for e in load.errors[:3])
    return [
        Aim(
            f"p95 of a rerun under {_MOST_P95_S * 1000:.0f} ms with {artists} artists at the same time",
            "no rerun" if p95 is None else f"{p95 * 1000:.0f} ms",
            kept=p95 is not None and p95 < _MOST_P95_S,
        ),
        Aim(first, f"{max(idle):.2f} s", kept=max(idle) < _MOST_FIRST_PAGE_S)
        if idle
        else Aim(first, "found no Chromium", kept=None),
        Aim("no error when the copy is swapped under that load", found, kept=not load.errors and len(load.copies) > 1),
    ]


async def _read(
    server: Dashboards, cookies: Sequence[str], *, seconds: float, pause_s: float
) -> tuple[_Load, list[float]]:
    load = _Load()
    until = time.monotonic() + seconds
    readers = [
        asyncio.create_task(_reader(server, cookie, load, until=until, pause_s=pause_s, seed=number))
        for number, cookie in enumerate(cookies)
    ]
    await asyncio.sleep(seconds / 3)
    await asyncio.to_thread(server.publish_again)
    loaded = await asyncio.to_thread(_first_pages, server, cookies[-1:])
    for found in await asyncio.gather(*readers, return_exceptions=True):
        if found is not None:
            load.errors.append(repr(found))
    return load, loaded


async def _reader(server: Dashboards, cookie: str, load: _Load, *, until: float, pause_s: float, seed: int) -> None:
    chance = random.Random(seed)
    async with _Connection(server, cookie) as connection:
        await asyncio.sleep(chance.uniform(0, pause_s))
        await connection.rerun("")  # the first rerun opens the page and is not measured
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0.5, 1.5) * pause_s)
            started = time.perf_counter()
            load.errors += await connection.rerun(chance.choice(_PAGES))
            load.seconds.append(time.perf_counter() - started)
            load.copies |= connection.copies


class _Connection:
    """A client of Streamlit's websocket that behaves like its own page."""

    def __init__(self, server: Dashboards, cookie: str) -> None:
        import websockets  # noqa: PLC0415

        self._opening = websockets.connect(
            server.url.replace("http", "ws", 1) + "/_stcore/stream",
            additional_headers={"Cookie": cookie},
            origin=server.url,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            compression=None,
            proxy=None,
        )
        self._hashes: dict[str, str] = {}
        self.copies: set[str] = set()

    async def __aenter__(self) -> Self:
        self._socket = await self._opening.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._socket.close()

    async def rerun(self, name: str) -> list[str]:
        """Open a page; return the errors on it."""
        from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: PLC0415
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: PLC0415

        asked = BackMsg()
        asked.rerun_script.page_script_hash = self._hashes.get(name, "")
        asked.rerun_script.context_info.timezone = "Europe/Paris"
        asked.rerun_script.context_info.locale = "fr-FR"
        await self._socket.send(asked.SerializeToString())
        wrong: list[str] = []
        async with asyncio.timeout(_LONGEST_RERUN_S):
            while True:
                data = await self._socket.recv()
                if not isinstance(data, bytes):
                    continue
                wrong += [error.decode() for error in _ERRORS if error in data]
                self.copies |= {found.decode() for found in re.findall(rb"publi\xc3\xa9es le ([^<]{10,40})<", data)}
                message = ForwardMsg.FromString(data)
                kind = message.WhichOneof("type")
                if kind == "navigation":
                    self._hashes = {
                        found.url_pathname: found.page_script_hash for found in message.navigation.app_pages
                    }
                if kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                    wrong.append(message.delta.new_element.exception.message)
                if kind == "script_finished":
                    if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                        wrong.append(f"{name}: {ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)}")
                    return wrong


def _first_pages(server: Dashboards, cookies: Sequence[str]) -> list[float]:
    """Draw first pages in a browser with an empty cache; return the seconds until figures and charts were there."""
    from tests.browser.chromium import open_chromium  # noqa: PLC0415
    from tests.browser.visitor import Visitor, browser_options  # noqa: PLC0415

    try:
        find_chromium()
    except BrowserMissingError:
        return []
    found = []
    with open_chromium() as browser:
        for cookie in cookies:
            name, _, value = cookie.partition("=")
            context = browser.new_context(**browser_options())
            context.add_cookies([{"name": name, "value": value, "url": server.url}])
            visitor = Visitor.enter(server, context)
            started = time.perf_counter()
            visitor.open()
            found.append(time.perf_counter() - started)
            context.close()
    return found


def _sign_in(server: Dashboards, number: int, artist_id: str) -> str:
    link = server.invite(f"bench-{number}@example.org", Role.ARTIST, artist_id)
    with httpx.Client(trust_env=False, headers={"Origin": server.url}) as client:
        form = re.search(r'name="token" value="([^"]+)"', client.get(link).text)
        if form is None:
            raise RuntimeError(f"Found no form at {link}; expected the invitation.")
        client.post(link, data={"token": form[1], "password": PASSWORD, "again": PASSWORD})
        return next(f"{name}={value}" for name, value in client.cookies.items() if name == "allive")


def _artist_ids(server: Dashboards) -> list[str]:
    import duckdb  # noqa: PLC0415

    from allive.dashboards.serving import CURRENT  # noqa: PLC0415

    with duckdb.connect((server.settings.serving_dir / CURRENT).resolve(), read_only=True) as con:
        return [row[0] for row in con.execute("select artist_id from marts.dim_artists order by artist_id").fetchall()]


def _demo_home(scratch: Path, tell: Callable[[str], None]) -> Path:
    home = scratch / "demo-season"
    tell("running the demo season, or bringing it up to date")
    for command in ("demo", "run"):
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "allive.orchestration.cli", command],
            cwd=_ROOT,
            env=os.environ | {"ALLIVE_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return home


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None


def _median(found: Sequence[float]) -> float | None:
    return statistics.median(found) if found else None


def _spread(found: Sequence[float]) -> str:
    return f"{min(found):.2f} to {max(found):.2f} s, {len(found)} times" if found else "found no Chromium"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main(
    *,
    artists: Annotated[int, typer.Option(min=1, max=500, help="Artists at the same time.")] = 50,
    seconds: Annotated[float, typer.Option(min=5, max=600, help="How long they read, in seconds.")] = 30.0,
    pause: Annotated[float, typer.Option(min=0.1, help="Seconds that an artist stays on a page, about.")] = PAUSE_S,
    home: Annotated[
        Path | None, typer.Option(help="A data home made by `allive demo`; by default one is made.")
    ] = None,
    scratch: Annotated[Path, typer.Option(help="Folder for the demo season; kept for the next bench.")] = _SCRATCH,
) -> None:
    """Measure the dashboards alone."""
    scratch.mkdir(parents=True, exist_ok=True)
    console, progress = open_console(), Console(stderr=True)
    with progress.status("starting") as status:
        section = run(
            artists=artists,
            seconds=seconds,
            pause_s=pause,
            scratch=scratch.resolve(),
            tell=status.update,
            home=home,
        )
    print_report(console, [section])
    if any(aim.kept is False for aim in section.aims):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

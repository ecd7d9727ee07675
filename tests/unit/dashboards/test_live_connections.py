"""Live connections are closed if and only if their session has ended, whenever the checks happen."""

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from allive.dashboards.access import sessions
from allive.dashboards.access.sessions import Session
from allive.dashboards.access.store import Store
from allive.dashboards.gate import websockets
from allive.dashboards.gate.websockets import LiveConnections

WITHIN_S = 10


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "access" / "access.sqlite3")


def session_in(store: Store, subject: str) -> Session:
    token = sessions.open_session(store, issuer="tests", subject=subject, address="127.0.0.1", method="password")
    session = sessions.find_session(store, token)
    assert session is not None
    return session


class Page:
    """A page whose application waits for messages, while its browser sends none."""

    def __init__(self, live: LiveConnections, session: Session) -> None:
        self.closed_with: int | None = None
        self._connection = asyncio.create_task(live.serve(self._app, {}, self._silence, self._note, session=session))

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        assert (await receive())["type"] == "websocket.disconnect"

    async def _silence(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("the browser sends nothing")

    async def _note(self, message: Message) -> None:
        self.closed_with = message.get("code")

    async def end(self) -> None:
        """Wait until the connection has ended by itself."""
        await asyncio.wait_for(self._connection, WITHIN_S)

    async def leave(self) -> None:
        self._connection.cancel()
        await asyncio.gather(self._connection, return_exceptions=True)


def test_a_page_opened_while_the_store_is_asked_stays_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answered, looks = threading.Event(), threading.Event(), threading.Semaphore(0)
    look = sessions.live_references

    def slow_look(store: Store, references: Iterable[str]) -> set[str]:
        live = look(store, references)
        asked.set()
        assert answered.wait(WITHIN_S)
        looks.release()
        return live

    monkeypatch.setattr(websockets, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(sessions, "live_references", slow_look)

    async def visits() -> None:
        live = LiveConnections(store)
        mina, paul = session_in(store, "mina"), session_in(store, "paul")
        first = Page(live, mina)
        assert await asyncio.to_thread(asked.wait, WITHIN_S)
        second = Page(live, paul)
        await asyncio.sleep(0.1)
        answered.set()
        for _ in range(3):
            assert await asyncio.to_thread(looks.acquire, timeout=WITHIN_S)
        assert (first.closed_with, second.closed_with) == (None, None)

        sessions.end_session(store, mina, address="127.0.0.1")
        await first.end()
        assert (first.closed_with, second.closed_with) == (websockets.SESSION_ENDED, None)
        await second.leave()

    asyncio.run(visits())

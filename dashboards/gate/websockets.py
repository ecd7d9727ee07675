"""The live connection of a page: closed within seconds of its session's end, limited to the messages pages need."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from allive.dashboards.access import Principal, sessions
from allive.dashboards.access.grants import find_grant
from allive.dashboards.access.sessions import Session
from allive.dashboards.access.store import Store

LOOK_EVERY_S: Final = 2.0
SESSION_ENDED: Final = 4401
"""Close code of a connection whose session has ended."""

# Not passed: `clear_cache` empties the cache for everyone, `load_git_info` and `set_run_on_save` are for developers,
# and the rest is for uploads.
_PASSED: Final = frozenset({"stop_script", "app_heartbeat", "backend_operation_request"})
_TOO_OLD: Final = {"type": "websocket.disconnect", "code": SESSION_ENDED}


@dataclass
class _Known:
    """The grant that was in force when the connection's page last ran in full."""

    grant: Principal | None


class LiveConnections:
    """All open connections. One query every two seconds checks the sessions of all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended: dict[str, set[asyncio.Event]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, session: Session) -> None:
        """Run a connection until either side closes it or the session ends."""
        ended = asyncio.Event()
        self._ended.setdefault(session.reference, set()).add(ended)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look(), name="allive-sessions")
        closed = False
        known = _Known(await run_in_threadpool(self._grant, session))

        async def send_unless_ended(message: Message) -> None:
            nonlocal closed
            if closed:
                return
            closed = message["type"] == "websocket.close"
            await send(message)

        async def receive_unless_ended() -> Message:
            while True:
                message = await _first(receive, ended)
                if message is None:
                    await send_unless_ended({"type": "websocket.close", "code": SESSION_ENDED})
                    return _TOO_OLD
                if message["type"] != "websocket.receive":
                    return message
                passed = await self._passed(message, session, known)
                if passed is not None:
                    return passed

        try:
            await app(scope, receive_unless_ended, send_unless_ended)
        finally:
            connections = self._ended[session.reference]
            connections.discard(ended)
            if not connections:
                del self._ended[session.reference]

    async def _passed(self, message: Message, session: Session, known: "_Known") -> Message | None:
        """Return the message to pass to Streamlit, or None to drop it.

        A fragment runs alone, without the code that checks the viewer. If the grant has changed, the whole page reruns.
        """
        data = message.get("bytes")
        if not data:
            return message
        asked = BackMsg()
        try:
            asked.ParseFromString(data)
        except Exception:  # noqa: BLE001 - protobuf's own error has no public name; Streamlit refuses such a message
            return message
        kind = asked.WhichOneof("type")
        if kind != "rerun_script":
            return message if kind in _PASSED else None
        now = await run_in_threadpool(sessions.session_of, self._store, session.reference)
        if now is None:
            return None
        if not asked.rerun_script.is_auto_rerun:
            # The viewer did something. A page that refreshes by itself does not keep a session alive.
            await run_in_threadpool(sessions.touch, self._store, now)
        grant = await run_in_threadpool(self._grant, session)
        if grant is not None and grant == known.grant:
            return message
        known.grant = grant
        asked.rerun_script.fragment_id = ""
        return {**message, "bytes": asked.SerializeToString()}

    def _grant(self, session: Session) -> Principal | None:
        return find_grant(self._store, issuer=session.issuer, subject=session.subject)

    async def _look(self) -> None:
        while self._ended:
            await asyncio.sleep(LOOK_EVERY_S)
            # New connections can open during the query: end only those that it covered.
            asked = set(self._ended)
            live = await run_in_threadpool(sessions.live_references, self._store, asked)
            for reference in asked - live:
                for ended in self._ended.get(reference, ()):
                    ended.set()


async def _first(receive: Receive, ended: asyncio.Event) -> Message | None:
    """Return the next message, or None once the session has ended."""
    message = asyncio.ensure_future(receive())
    end = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait({message, end}, return_when=asyncio.FIRST_COMPLETED)
        return None if ended.is_set() else message.result()
    finally:
        end.cancel()
        if not message.done():
            message.cancel()

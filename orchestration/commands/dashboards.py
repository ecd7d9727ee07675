"""`allive dashboards`: serves the dashboards, and nothing else."""

import socket

from dashboards.gate.store import StoreError
from ingestion.settings import Settings
from orchestration.terminal import refuse, say, warn

HOST = "127.0.0.1"


def serve_dashboards(settings: Settings, *, port: int) -> bool:
    """Serve on loopback until Ctrl-C; whether the port was free and the access store usable."""
    reason = taken(port)
    if reason is not None:
        refuse(
            "The dashboards are not up.",
            [f"Port {port} is taken ({reason}); expected a free one. Try `allive dashboards --port {port + 1}`."],
        )
        return False
    if not (settings.serving_dir / "current.duckdb").exists():
        warn("There is nothing to show yet.", ["No serving copy is published; the pages say so. Run `allive run`."])
    from dashboards.app import serve  # noqa: PLC0415 - Streamlit

    say(f"The dashboards answer at {settings.public_url or f'http://{HOST}:{port}'} (Ctrl-C stops them).")
    try:
        serve(settings, port=port)
    except StoreError as error:
        refuse("The dashboards are not up.", [str(error)])
        return False
    return True


def taken(port: int) -> str | None:
    """Return why a port cannot be had, or None if it can."""
    with socket.socket() as probe:
        # As the server does it: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return None

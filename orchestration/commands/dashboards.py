"""`allive dashboards`: serves the dashboards, and nothing else."""

from dashboards.gate.store import StoreError
from ingestion.settings import Settings
from orchestration.ports import HOST, why_taken
from orchestration.terminal import refuse, say, warn


def serve_dashboards(settings: Settings, *, port: int) -> bool:
    """Serve on loopback until Ctrl-C; whether the port was free and the access store usable."""
    reason = why_taken(port)
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

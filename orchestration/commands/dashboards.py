"""`allive dashboards`: serves the dashboards, and nothing else."""

from allive.dashboards.access.store import StoreError
from allive.ingestion.settings import Settings
from allive.orchestration.ports import HOST, why_taken
from allive.orchestration.terminal import refuse, say, warn


def serve_dashboards(settings: Settings, *, port: int) -> bool:
    """Serve on loopback until Ctrl-C. Return whether the port was free and the access store usable."""
    reason = why_taken(port)
    if reason is not None:
        refuse(
            "The dashboards are not up.",
            [f"Port {port} is taken ({reason}); expected a free one. Try `allive dashboards --port {port + 1}`."],
        )
        return False
    warn_of_settings(settings)
    if not (settings.serving_dir / "current.duckdb").exists():
        warn("There is nothing to show yet.", ["No serving copy is published; the pages say so. Run `allive run`."])
    from allive.dashboards.app import serve  # noqa: PLC0415 - Streamlit

    address = settings.public_url or f"http://{HOST}:{port}"
    try:
        serve(settings, port=port, on_ready=lambda: say(f"The dashboards answer at {address} (Ctrl-C stops them)."))
    except StoreError as error:
        refuse("The dashboards are not up.", [str(error)])
        return False
    return True


def warn_of_settings(settings: Settings) -> None:
    """Warn about settings that work but weaken the protection of the dashboards."""
    if settings.public_url and not settings.trusted_proxies.strip():
        warn(
            "No proxy is trusted (ALLIVE_TRUSTED_PROXIES is empty).",
            [
                f"People reach the dashboards at {settings.public_url}, so there is a proxy in front of them.",
                (
                    "Every visitor seems to come from its address: 20 wrong passwords by anyone lock the sign-in for "
                    "everyone, and the audit log does not show where visitors came from."
                ),
                "Name the proxy's address, such as ALLIVE_TRUSTED_PROXIES=127.0.0.1.",
            ],
        )

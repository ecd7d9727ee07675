"""Alerts for failed runs and months that did not close, sent as file, webhook or mail (settings.alert_channel)."""

import json
import logging
import smtplib
import urllib.request
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from allive.ingestion.settings import Settings

TIMEOUT_S = 10
_log = logging.getLogger("allive.alerts")


@dataclass(frozen=True)
class Alert:
    """Something that a person must look at: what happened, the facts, and what to do next."""

    subject: str
    found: tuple[str, ...]
    next_step: str
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    def as_text(self) -> str:
        """The alert as text, for a mail body or a log line."""
        return "\n".join((self.subject, *(f"- {fact}" for fact in self.found), self.next_step))


def send(settings: Settings, alert: Alert) -> str:
    """Send the alert over the channel of the settings and return where it went.

    If the webhook or mail server does not accept the alert, it is written to a file instead, so it is never lost.
    """
    match settings.alert_channel:
        case "file":
            where = _write(settings, alert)
        case "webhook" | "mail" as channel:
            try:
                where = _post(settings, alert) if channel == "webhook" else _mail(settings, alert)
            except (OSError, smtplib.SMTPException, ValueError) as error:
                path = _write(settings, alert)
                where = f"{path} (the {channel} did not accept it: {error})"
    _log.warning("alert to %s: %s", where, alert.as_text())
    return where


def _write(settings: Settings, alert: Alert) -> str:
    folder = settings.home / "alerts"
    folder.mkdir(parents=True, exist_ok=True)
    name = alert.at.replace(":", "").replace("+0000", "Z")
    path = _free_name(folder, name)
    path.write_text(json.dumps(asdict(alert), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(path)


def _free_name(folder: Path, name: str) -> Path:
    path, copies = folder / f"{name}.json", 1
    while path.exists():
        copies += 1
        path = folder / f"{name}-{copies}.json"
    return path


def _post(settings: Settings, alert: Alert) -> str:
    url = settings.alert_webhook_url
    if url is None or not url.startswith(("http://", "https://")):
        raise ValueError("ALLIVE_ALERT_WEBHOOK_URL is missing or is not an http or https address")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        data=json.dumps(asdict(alert)).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
        return "the webhook"  # its address often contains a token


def _mail(settings: Settings, alert: Alert) -> str:
    if settings.alert_mail_to is None:
        raise ValueError("ALLIVE_ALERT_MAIL_TO is not set; expected the recipient of alerts")
    message = EmailMessage()
    message["Subject"] = f"[allive] {alert.subject}"
    message["From"] = settings.alert_mail_from
    message["To"] = settings.alert_mail_to
    message.set_content(alert.as_text())
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S) as server:
        server.send_message(message)
    return settings.alert_mail_to

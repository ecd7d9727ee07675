"""An alert is sent over the configured channel or stored in a file: it is never lost."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.alerts import Alert, send

ALERT = Alert(
    subject="Run 1 failed", found=("a step: étrange",), next_step="Look at it.", at="2021-02-03T06:00:00.000Z"
)
AS_JSON = {"subject": ALERT.subject, "found": list(ALERT.found), "next_step": ALERT.next_step, "at": ALERT.at}


@contextmanager
def serving(server):
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def files(settings):
    return sorted((settings.home / "alerts").glob("*.json"))


def test_a_file_by_default_and_two_of_one_instant_are_two(tmp_path):
    settings = Settings(home=tmp_path)
    assert send(settings, ALERT) == str(files(settings)[0])
    send(settings, ALERT)
    assert [json.loads(path.read_text()) for path in files(settings)] == [AS_JSON, AS_JSON]


def test_a_webhook_gets_it_as_json(tmp_path):
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        url = f"http://127.0.0.1:{port}/hook?token=secret"
        where = send(Settings(home=tmp_path, alert_channel="webhook", alert_webhook_url=url), ALERT)
    assert received == [("/hook?token=secret", "application/json", AS_JSON)]
    assert "secret" not in where
    assert files(Settings(home=tmp_path)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_channel": "webhook"},
        {"alert_channel": "webhook", "alert_webhook_url": "file:///etc/passwd"},
        {"alert_channel": "webhook", "alert_webhook_url": "http://127.0.0.1:9/"},
        {"alert_channel": "mail"},
        {"alert_channel": "mail", "alert_mail_to": "finance@example.org", "smtp_host": "127.0.0.1", "smtp_port": 9},
    ],
)
def test_a_channel_that_does_not_take_it_leaves_a_file(tmp_path, wrong):
    settings = Settings(home=tmp_path, **wrong)
    where = send(settings, ALERT)
    assert [json.loads(path.read_text()) for path in files(settings)] == [AS_JSON]
    assert f"the {wrong['alert_channel']} did not accept it" in where


def test_a_mail_goes_to_the_recipient(tmp_path):
    received = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 ready\r\n")
            is_data = False
            for line in self.rfile:
                received.append(line.decode())
                if is_data and line != b".\r\n":
                    continue
                is_data = line.upper() == b"DATA\r\n"
                is_quit = line.upper() == b"QUIT\r\n"
                self.wfile.write(b"354 go on\r\n" if is_data else b"221 bye\r\n" if is_quit else b"250 ok\r\n")
                if is_quit:
                    return

    with serving(socketserver.TCPServer(("127.0.0.1", 0), Smtp)) as port:
        settings = Settings(
            home=tmp_path,
            alert_channel="mail",
            alert_mail_to="finance@example.org",
            smtp_host="127.0.0.1",
            smtp_port=port,
        )
        assert send(settings, ALERT) == "finance@example.org"
    text = "".join(received)
    assert "rcpt TO:<finance@example.org>" in text
    assert "Subject: [allive] Run 1 failed" in text
    assert "Look at it." in text

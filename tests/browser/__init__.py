"""The dashboards as people meet them: a real server behind the real gate, in Chromium, on the demo season."""

"""The dashboards as users see them: a real server behind the real gate, in Chromium, on the demo season."""

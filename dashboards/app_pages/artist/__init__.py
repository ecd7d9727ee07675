"""The artist pages: earnings, lives, audience and statements."""

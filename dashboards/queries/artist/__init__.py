"""What the artist pages read, by subject. The artist is always a parameter that `require_artist` let through."""

from dashboards.queries.artist.names import Artist, artist_names, find_artist

__all__ = ["Artist", "artist_names", "find_artist"]

"""Queries of the artist pages, by subject. `require_artist` checks the artist parameter before each query."""

from allive.dashboards.queries.artist.names import Artist, artist_names, find_artist

__all__ = ["Artist", "artist_names", "find_artist"]

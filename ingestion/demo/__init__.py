"""The fictional season: believable landed files for demonstrations and tests. Nobody is real."""

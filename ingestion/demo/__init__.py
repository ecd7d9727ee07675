"""The fictional season: believable landed files for demonstrations and tests. All people in it are invented."""

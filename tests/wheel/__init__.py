"""The wheel as its users have it: installed outside the repository, on every Python that it supports."""

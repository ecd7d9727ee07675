"""Speed and memory of the heavy parts, compared with other ways to do the same work. Writes outside the data home."""

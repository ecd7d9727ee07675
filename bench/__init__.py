"""Speed and memory of the heavy parts beside other ways to do the same work. Writes outside the data home only."""

"""The warehouse on a small Spark cluster beside DuckDB's; `make test-spark` runs it, `make test` needs no Spark."""

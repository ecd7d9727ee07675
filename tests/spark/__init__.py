"""The warehouse on a small Spark cluster, compared with DuckDB's: `make test-spark`, as `make test` needs no Spark."""

"""The warehouse on a small Spark cluster, compared with DuckDB's: `make test-spark`. `make test` needs no Spark."""

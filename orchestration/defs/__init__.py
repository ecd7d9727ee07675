"""Everything that Dagster runs: one folder per domain, found by `load_from_defs_folder`."""

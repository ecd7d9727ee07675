"""What Dagster runs: a folder a domain, found by `load_from_defs_folder`."""

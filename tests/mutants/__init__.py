"""The mutation check: each rule of the money is broken once, and a named test must notice.

`python -m tests.mutants` runs all of `table.py`; names of mutants as arguments run only those.
"""

"""The mutation check: each money rule is broken once, and a named test must fail.

`python -m tests.mutants` runs all of `table.py`; pass names of mutants to run only those.
"""

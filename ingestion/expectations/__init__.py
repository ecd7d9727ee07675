"""Great Expectations suites as code, one per module, run in DuckDB.

They state the rules for accepted records independently of the contracts: a second opinion on them. A file that
fails is held.

Importing the library takes seconds, so nothing here is imported before there is something to validate: callers name a
suite by its module.
"""

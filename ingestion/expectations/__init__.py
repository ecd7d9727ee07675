"""Great Expectations suites as code, one per module, run in DuckDB.

Contracts check a record's fields and reject it alone. A suite checks a record type's invariants a second time, and what
only a whole file shows: every record can be right by itself while the file is wrong. A file that fails is held, so an
expectation must be certain, not merely unusual (docs/expectations.md).

Importing the library takes seconds, so nothing here is imported before there is something to validate: callers name a
suite by its module.
"""

"""Great Expectations suites as code, one a module, pushed down to DuckDB.

They state what must hold of records that a contract has accepted, in words of their own: a second
opinion on the contract, and a gate. Importing the library costs seconds, so nothing here is
imported before there is something to validate: a suite is named by its module.
"""

"""Great Expectations suites for the month about to close, one a view of `payouts.month_checks`.

Importing the library costs seconds, so a suite is named by its module and imported when it runs.
"""

"""Great Expectations suites for the month about to close, one per view of `allive.payouts.month_checks`.

Importing the library takes seconds, so a suite is named by its module and imported only when it runs.
"""

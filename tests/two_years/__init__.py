"""Two years of a small platform, month by month: its people, what lands when, and the books of closed months.

The months themselves are in `tests/integration/test_two_years.py`.
"""

"""Two years of a small platform, month by month: who plays, what lands when, and the books of what closed.

The story itself is `tests/integration/test_two_years.py`.
"""

"""Reading closed months back: their files as typed rows, the findings of a reader, and the arithmetic of the rules.

Shared by verification and explanation, which must not use the code that settles and closes months: see
`tests/architecture/test_second_implementation.py`.
"""

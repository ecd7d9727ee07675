"""Numbers of things in messages, in the right grammatical number."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return the number and the words that agree with it; by default the plural ends in s.

    >>> counted(1, "file"), counted(1_203, "file"), counted(0, "entry", "entries")
    ('1 file', '1,203 files', '0 entries')
    >>> counted(1, "warning is open", "warnings are open")
    '1 warning is open'
    """
    words = one if number == 1 else f"{one}s" if many is None else many
    return f"{number:,} {words}"

"""The exception raised when a rule forbids an operation on a month."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A rule or a check forbids an operation on a month; nothing was written.

    Attributes:
        month: The settlement month of the operation.
        reasons: Each says what was found, what was expected and what to do, in one or two sentences.
    """

    def __init__(self, month: str, reasons: tuple[str, ...], what: str = "close") -> None:
        self.month = month
        self.reasons = reasons
        super().__init__(f"{month} cannot {what}: " + " · ".join(reasons))

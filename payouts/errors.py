"""What a closing answers when a rule says no."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A rule or a check refuses what was asked of a month; nothing was written.

    Attributes:
        month: The settlement month that was asked for.
        reasons: What was found, what was expected and what to do, one sentence or two each.
    """

    def __init__(self, month: str, reasons: tuple[str, ...], what: str = "close") -> None:
        self.month = month
        self.reasons = reasons
        super().__init__(f"{month} cannot {what}: " + " · ".join(reasons))

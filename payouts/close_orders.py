"""Orders to close a month. Without an order nothing closes, whatever a run's configuration says.

An order is given by a person or, with auto_close, by the schedule. It is a line of the audit log, and so is everything
that happens to it: its approval, its withdrawal, its use. The order of the lines decides: if two processes do the same,
the second one finds that its line came too late.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NoReturn, get_args

from allive.ingestion.settings import Settings
from allive.payouts import audit
from allive.payouts.errors import Refusal
from allive.payouts.months import parse_month
from allive.payouts.preconditions import calendar_refusals

ORDERED: Final = "order_close"
APPROVED: Final = "approve_close"
WITHDRAWN: Final = "withdraw_order"
TAKEN_UP: Final = "order_taken_up"

VALID_FOR: Final = timedelta(hours=24)
"""An order covers the warnings and figures of its day. After that, a person has to look again and give a new one."""

Origin = Literal["command", "gate", "schedule"]


Why = Literal[
    "calendar",
    "unknown",
    "used",
    "withdrawn",
    "too_old",
    "approved",
    "same_person",
    "other_month",
    "not_approved",
    "late",
]


class OrderRefusal(Refusal):
    """An order was refused. `why` is a code for the reason, used to show it in other languages."""

    def __init__(self, month: str, reasons: tuple[str, ...], what: str, *, why: Why) -> None:
        super().__init__(month, reasons, what)
        self.why = why


@dataclass(frozen=True)
class CloseOrder:
    """One order to close one month.

    Attributes:
        order_id: SHA-256 of its line of the audit log.
        operator: The signed-in account, or the operating system user, that gave it.
        acknowledged: The code of the warnings that this person has seen (`allive payout MONTH --dry-run` prints it).
        ordered_at: Instant in ISO 8601, UTC.
        approved_by: The second person, if one has approved it.
    """

    order_id: str
    settlement_month: str
    operator: str
    origin: str
    acknowledged: str | None
    ordered_at: str
    approved_by: str | None

    @property
    def valid_until(self) -> datetime:
        """The time after which it is too old to be used."""
        return datetime.fromisoformat(self.ordered_at) + VALID_FOR


@dataclass
class _Standing:
    """An order and its state, from the lines of the log that had an effect."""

    order: CloseOrder
    end: str | None = None
    """The action that ended it: taken up or withdrawn."""
    counted: set[str] = field(default_factory=set)
    """Seals of the lines that had an effect. A line that came too late has none."""

    def note(self, line: dict[str, Any]) -> None:
        """Apply a line of the log, unless it came too late."""
        action, operator = line["action"], line["operator"]
        if self.end is not None or (action == APPROVED and self._cannot_be_approved_by(operator)):
            return
        if action == APPROVED:
            self.order = replace(self.order, approved_by=operator)
        else:
            self.end = action
        self.counted.add(line["sha256"])

    def _cannot_be_approved_by(self, operator: str) -> bool:
        return self.order.approved_by is not None or is_same_person(operator, self.order.operator)


def is_same_person(one: str, other: str) -> bool:
    """Whether two operators are the same person, ignoring case, outer blanks and the user they act as.

    >>> is_same_person("Ana@example.org", " ana@example.org"), is_same_person("nina as root", "nina as allive")
    (True, True)
    """
    return _signed_in(one) == _signed_in(other)


def _signed_in(operator: str) -> str:
    # `allive.ingestion.os_user` gives who signed in and the user they switched to: "nina as allive".
    return operator.partition(" as ")[0].strip().casefold()


def order_close(
    settings: Settings, month: str, *, operator: str, origin: Origin, acknowledged: str | None = None
) -> CloseOrder:
    """Order the close of a month.

    Raises:
        ValueError: The month is malformed, the operator is empty, or the origin is unknown.
        Refusal: The calendar forbids it: the month is closed already, not over, or not the next one.
    """
    parse_month(month)
    _require_somebody(operator)
    if origin not in get_args(Origin):
        raise ValueError(f"Found the origin {origin!r}; expected one of {', '.join(get_args(Origin))}.")
    reasons = calendar_refusals(settings, month)
    if reasons:
        raise OrderRefusal(month, tuple(reasons), "be ordered to close", why="calendar")
    line = audit.record(
        settings,
        action=ORDERED,
        operator=operator,
        settlement_month=month,
        origin=origin,
        acknowledged=(acknowledged or "").strip() or None,
    )
    return next(standing.order for standing in _standings(settings).values() if line["sha256"] in standing.counted)


def approve_close(settings: Settings, order_id: str, *, operator: str) -> CloseOrder:
    """Approve an order as the second person.

    Raises:
        Refusal: It is unknown, used, withdrawn, too old or approved already, or the same person gave it.
    """
    _require_somebody(operator)

    def require(standing: _Standing) -> None:
        order = standing.order
        _require_open(standing, "be approved")
        if order.approved_by is not None:
            _refuse(order, f"{order.approved_by} has approved it already.", "be approved", why="approved")
        if is_same_person(operator, order.operator):
            _refuse(
                order,
                f"{operator} gave it; expected another person to approve it. Ask a second operator to sign in.",
                "be approved",
                why="same_person",
            )

    return _append(settings, order_id, require, action=APPROVED, operator=operator).order


def withdraw_order(settings: Settings, order_id: str, *, operator: str, why: str) -> None:
    """Withdraw an order that has not been used.

    Raises:
        ValueError: No reason is given.
        Refusal: It is unknown, used or withdrawn.
    """
    _require_somebody(operator)
    if not why.strip():
        raise ValueError("Found no reason; expected one in words: it stays on record.")
    _append(
        settings,
        order_id,
        lambda standing: _require_not_ended(standing, "be withdrawn"),
        action=WITHDRAWN,
        operator=operator,
        why=why.strip(),
    )


def end_order(settings: Settings, order_id: str, *, why: str) -> None:
    """Withdraw an order whose close was refused before the order was used; do nothing if it is no longer open."""
    for order in open_orders(settings):
        if order.order_id == order_id:
            withdraw_order(settings, order_id, operator=order.operator, why=why)


def orders_that_closed(settings: Settings, month: str) -> frozenset[str]:
    """Return the id of the order that closed a month, as a set; empty while the month is open."""
    closings = (entry for entry in audit.entries(settings) if entry["action"] == "close")
    return frozenset(
        entry["order"] for entry in closings if entry["settlement_month"] == month and entry.get("order") is not None
    )


def open_orders(settings: Settings) -> tuple[CloseOrder, ...]:
    """Return the orders that can still be approved, withdrawn or used, oldest first."""
    now = datetime.now(UTC)
    return tuple(
        standing.order
        for standing in _standings(settings).values()
        if standing.end is None and now <= standing.order.valid_until
    )


def take_up(settings: Settings, order_id: str, month: str) -> CloseOrder:
    """Use up an order for one attempt to close its month, and return it. A failed attempt uses it up too.

    Raises:
        Refusal: It is unknown, used, withdrawn, for another month, too old, or lacks a required second approval.
    """

    def require(standing: _Standing) -> None:
        order = standing.order
        _require_open(standing, "be used")
        if order.settlement_month != month:
            _refuse(
                order,
                f"It is for {order.settlement_month}; expected one for {month}. Order that close.",
                "be used",
                why="other_month",
            )
        if settings.second_person and order.approved_by is None:
            _refuse(
                order,
                "Nobody has approved it; expected a second person to do so (ALLIVE_SECOND_PERSON is on). Another "
                "operator approves it on the page /orders of the dashboards.",
                "be used",
                why="not_approved",
            )

    return _append(settings, order_id, require, action=TAKEN_UP, settlement_month=month).order


def _append(
    settings: Settings,
    order_id: str,
    require: Callable[[_Standing], None],
    *,
    action: str,
    operator: str | None = None,
    **details: str,
) -> _Standing:
    """Record an action on an order if `require` allows it; check again if another process was faster."""
    standing = _find(settings, order_id)
    require(standing)
    line = audit.record(
        settings, action=action, operator=operator or standing.order.operator, order_id=order_id, **details
    )
    standing = _find(settings, order_id)
    if line["sha256"] not in standing.counted:
        require(standing)
        _refuse(
            standing.order, "Another process acted on it at the same time. Look at it again.", "be changed", why="late"
        )
    return standing


def _find(settings: Settings, order_id: str) -> _Standing:
    standing = _standings(settings).get(order_id)
    if standing is None:
        raise OrderRefusal(
            "The month",
            (
                (
                    f"Found no order {order_id[:12]!r}; expected one given by `allive payout` or on the page /orders "
                    "of the dashboards. Nothing closes without it."
                ),
            ),
            "close",
            why="unknown",
        )
    return standing


def _standings(settings: Settings) -> dict[str, _Standing]:
    standings: dict[str, _Standing] = {}
    for entry_id, line in audit.identified_entries(settings):
        if line["action"] == ORDERED:
            order = CloseOrder(
                order_id=entry_id,
                settlement_month=line["settlement_month"],
                operator=line["operator"],
                origin=line["origin"],
                acknowledged=line["acknowledged"],
                ordered_at=line["at"],
                approved_by=None,
            )
            standings[entry_id] = _Standing(order, counted={line["sha256"]})
        elif line["action"] in {APPROVED, WITHDRAWN, TAKEN_UP} and line["order_id"] in standings:
            standings[line["order_id"]].note(line)
    return standings


def _require_not_ended(standing: _Standing, what: str) -> None:
    if standing.end == TAKEN_UP:
        _refuse(standing.order, "It was used: an order is good for one attempt. Give a new one.", what, why="used")
    if standing.end == WITHDRAWN:
        _refuse(standing.order, "It was withdrawn. Give a new one.", what, why="withdrawn")


def _require_open(standing: _Standing, what: str) -> None:
    _require_not_ended(standing, what)
    if datetime.now(UTC) > standing.order.valid_until:
        _refuse(
            standing.order,
            f"It was given at {standing.order.ordered_at}; expected one of the last 24 hours. Look at the month again "
            "(`allive payout MONTH --dry-run`) and give a new one.",
            what,
            why="too_old",
        )


def _require_somebody(operator: str) -> None:
    if not operator.strip():
        raise ValueError("Found no operator; expected the signed-in account, or the operating system user.")


def _refuse(order: CloseOrder, reason: str, what: str, *, why: Why) -> NoReturn:
    raise OrderRefusal(
        order.settlement_month, (reason,), f"close: its order {order.order_id[:12]} cannot {what}", why=why
    )

"""The pseudonyms of closed months computed a second time, and the check that months were closed with the same key."""

import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.slices import names_by_pseudonym
from allive.payouts.ledger import CONTROL_FILE, RESETTLED_FOLDER, SLICES_FILE
from allive.payouts.verification.pinned_records import GoneError

NO_KEY: Final = "the key of the pseudonyms is not here, or this user cannot read it"
ANOTHER_KEY: Final = "the key of the pseudonyms is not the one that the month was closed with"
_FIRST_WITH_PERIODS: Final = 2
_CHECK_VALUE: Final = re.compile("[0-9a-f]{32}")
_IDS_AT_ONCE: Final = 100_000
_NAMES: Final = {"period_id": pl.String, "period_pseudonym": pl.String}


@dataclass
class PseudonymKey:
    """The key, and the pseudonyms that it gives: the first 128 bits of HMAC-SHA256, in hex.

    Keeps the pseudonyms of many periods for the next call: each month reads those of the months before it.
    """

    secret: bytes = field(repr=False)
    _known: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NAMES), repr=False)

    @property
    def check_value(self) -> str:
        """The value by which a month recognises its key."""
        return self._digest(b"\xffkey\x00")

    def of_subscriber(self, subscriber_id: str) -> str:
        """Return a subscriber's pseudonym, the same in every format."""
        return self._digest(subscriber_id.encode())

    def of_period(self, period_id: str) -> str:
        """Return a period's pseudonym."""
        return self._digest(b"\xffperiod\x00" + period_id.encode())

    def of_periods(self, ids: pl.Series) -> pl.DataFrame:
        """Return a row for each of these periods: `period_id` and `period_pseudonym`."""
        wanted = pl.DataFrame({"period_id": ids.unique()}, schema={"period_id": pl.String})
        new = wanted.join(self._known, on="period_id", how="anti")["period_id"]
        # Python's own texts take more memory than columns: only a part of them exists at a time.
        parts = [new.slice(first, _IDS_AT_ONCE) for first in range(0, len(new), _IDS_AT_ONCE)]
        named = [pl.DataFrame([part, pl.Series([*map(self.of_period, part)])], schema=_NAMES) for part in parts]
        self._known = pl.concat([self._known, *named])
        return wanted.join(self._known, on="period_id")

    def _digest(self, message: bytes) -> str:
        return hmac.digest(self.secret, message, "sha256")[:16].hex()


def read_key(settings: Settings) -> PseudonymKey | None:
    """Return the key; None if there is none that this user can read. Creates none."""
    if settings.pseudonym_key is not None:
        return PseudonymKey(settings.pseudonym_key.get_secret_value().encode())
    try:
        return PseudonymKey((settings.payouts_dir / ".pseudonym.key").read_bytes().strip())
    except OSError:
        return None


def require_key(key: PseudonymKey | None, month: Month) -> PseudonymKey:
    """Return the key, if a month was closed with it.

    Raises:
        GoneError: There is none, or another one, which `check_key` reports.
    """
    if key is None:
        raise GoneError(NO_KEY)
    if month.control.pseudonym_key_check not in {None, key.check_value}:
        raise GoneError(ANOTHER_KEY)
    return key


def check_key(report: Report, key: PseudonymKey | None, month: Month, books: Books, *, month_format: int) -> None:
    """Check that a month was closed with the key of the months before it, which is the one that is here now.

    Another key makes booked periods unrecognisable, so that a next run would pay them again. Also checks that the
    month's files name periods as its format does.
    """
    place = report.at(Check.KEY, month.file(CONTROL_FILE))
    what = "pseudonym_key_check"
    found = month.control.pseudonym_key_check
    has_pseudonyms = month_format >= _FIRST_WITH_PERIODS
    for path in _slices_files(month):
        at_file = report.at(Check.KEY, month.file(path.relative_to(month.folder).as_posix()))
        with at_file.reading():
            at_file.same("periods by pseudonym", found=names_by_pseudonym(path), expected=has_pseudonyms)
    if not has_pseudonyms:
        place.same(what, found=found, expected=None)
        return
    if not place.holds(
        what,
        found is not None and _CHECK_VALUE.fullmatch(found) is not None,
        found=found,
        expected="the check value of the key of the pseudonyms",
    ):
        return
    if books.key_check is not None:
        place.same(f"{what}, by the months before", found=found, expected=books.key_check)
    if key is None:
        report.not_checked(month.name, what, NO_KEY)
    else:
        place.same(f"{what}, by the key that is here", found=key.check_value, expected=found)


def _slices_files(month: Month) -> list[Path]:
    written = month.folder / SLICES_FILE
    return [*([written] if written.exists() else []), *sorted((month.folder / RESETTLED_FOLDER).glob("*.parquet"))]

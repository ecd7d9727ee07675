"""The records that a run pinned, as they stand: latest wins, whole credit sets, standing categories (INTERFACES.md).

Polars and plain Python, in place of the project's SQL.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from ingestion.raw_versions import Records, records_of
from ingestion.settings import Settings
from payouts.months import first_day, last_day
from payouts.verification.month_files import Policy

ALL_SHARES_BP: Final = 10_000

_CONTENT: "Final[dict[str, dict[str, pl.DataType | type[pl.DataType]]]]" = {
    "subscriptions": {
        "period_id": pl.String,
        "subscriber_id": pl.String,
        "period_start": pl.Date,
        "period_end": pl.Date,
        "status": pl.String,
        "plan_id": pl.String,
        "price_cents": pl.Int64,
        "envelope_cents": pl.Int64,
    },
    "artists": {
        **dict.fromkeys(
            ("artist_id", "name", "email", "iban", "bic", "street", "postcode", "town", "country"), pl.String
        ),
        "left_on": pl.Date,
    },
    "artist_categories": {
        "artist_id": pl.String,
        "category": pl.String,
        "valid_from": pl.Date,
        "is_deleted": pl.Boolean,
    },
    "lives": {
        "live_id": pl.String,
        "title": pl.String,
        "kind": pl.String,
        "exclusive": pl.Boolean,
        "duration_s": pl.Decimal(18, 3),
        "published_on": pl.Date,
        "recorded_on": pl.Date,
        "venue": pl.String,
        "city": pl.String,
        "genre": pl.String,
    },
    "live_credits": {"live_id": pl.String, "artist_id": pl.String, "share_bp": pl.Int64},
}
"""The columns that decide, in their order, between records of the same `updated_at`."""


class GoneError(Exception):
    """Something that a run pinned is not there any more: it cannot be checked, and nothing is wrong."""


@dataclass(frozen=True)
class Live:
    """What settling asks of a live."""

    title: str
    is_exclusive_live: bool
    duration_s: Any
    published_on: date | None

    def counts(self, policy: Policy) -> bool:
        """Whether time on it is worth money (RULES.md §4)."""
        return self.is_exclusive_live and self.duration_s >= policy.minimum_live_s


@dataclass(frozen=True)
class Catalogue:
    """Lives, valid credit sets and categories as they stand in the versions that one run pinned."""

    lives: Mapping[str, Live]
    credits: Mapping[str, Sequence[tuple[str, int]]]
    categories: Mapping[str, Sequence[tuple[date, str]]]

    def category(self, artist_id: str, on: date) -> str | None:
        """Return the category with the latest `valid_from` on or before the day."""
        standing = [category for valid_from, category in self.categories.get(artist_id, ()) if valid_from <= on]
        return standing[-1] if standing else None

    def pool_members(self, month: str, policy: Policy, left_on: Mapping[str, date | None]) -> tuple[str, ...]:
        """Return who shares a month's pool, in order (RULES.md §5.4)."""
        first, last = first_day(month), last_day(month)
        return tuple(
            sorted(
                {
                    artist_id
                    for live_id, shares in self.credits.items()
                    if (live := self.lives.get(live_id)) is not None
                    and live.counts(policy)
                    and (live.published_on or last) <= last
                    for artist_id, share_bp in shares
                    if share_bp >= policy.minimum_pool_share_bp
                    and self.category(artist_id, last) in {"emerging", "independent"}
                    and (left_on.get(artist_id) or first) >= first
                }
            )
        )


def scan_pinned(settings: Settings, table: str, version: int | None) -> Records:
    """Return where the records of a raw table's version lie now.

    Raises:
        GoneError: The version or one of its files is not there any more.
    """
    try:
        records = records_of(settings, table, version)
    except Exception as error:
        raise GoneError(f"version {version} of raw/{table} is not there any more ({type(error).__name__})") from error
    missing = [path for path in records.files if not path.exists()]
    if missing:
        raise GoneError(f"{len(missing)} files of version {version} of raw/{table} are not there any more")
    return records


def latest(settings: Settings, table: str, version: int | None, *, key: Sequence[str]) -> pl.DataFrame:
    """Return the record in force of each key: the greatest `updated_at` (missing = oldest), then content."""
    columns = [*_CONTENT[table]]
    records = all_records(settings, table, version)
    order = ["updated_at", *columns]
    return records.sort(order, nulls_last=False).unique(key, keep="last", maintain_order=True).select(columns)


def read_catalogue(settings: Settings, versions: Mapping[str, int | None]) -> Catalogue:
    """Return the catalogue of the versions that a run pinned.

    Raises:
        GoneError: One of them is not there any more.
    """
    lives = {
        row["live_id"]: Live(
            row["title"], row["kind"] == "live" and row["exclusive"], row["duration_s"], row["published_on"]
        )
        for row in latest(settings, "lives", versions.get("lives"), key=["live_id"]).iter_rows(named=True)
    }
    changes = latest(
        settings, "artist_categories", versions.get("artist_categories"), key=["artist_id", "valid_from"]
    ).filter(~pl.col("is_deleted").fill_null(value=False))
    categories: defaultdict[str, list[tuple[date, str]]] = defaultdict(list)
    for artist_id, valid_from, category in changes.select("artist_id", "valid_from", "category").sort(pl.all()).rows():
        categories[artist_id].append((valid_from, category))
    return Catalogue(lives, _credit_sets(settings, versions.get("live_credits")), categories)


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Let a panic of Polars, which is no `Exception`, be handled like any other broken file."""
    try:
        yield
    except pl.exceptions.PanicException as panic:
        raise RuntimeError(f"polars panicked: {panic}") from panic


def _credit_sets(settings: Settings, version: int | None) -> dict[str, list[tuple[str, int]]]:
    """Return each live's newest set as a whole; sets that are not whole or name an artist twice are left out."""
    lines = all_records(settings, "live_credits", version)
    age = pl.col("updated_at").rank("dense").fill_null(0)
    newest = lines.with_columns(age=age).filter(pl.col("age") == pl.col("age").max().over("live_id"))
    sets: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for live_id, artist_id, share_bp in newest.select([*_CONTENT["live_credits"]]).unique().sort(pl.all()).rows():
        sets[live_id].append((artist_id, share_bp))
    return {
        live_id: shares
        for live_id, shares in sets.items()
        if sum(share_bp for _, share_bp in shares) == ALL_SHARES_BP and len(dict(shares)) == len(shares)
    }


def all_records(settings: Settings, table: str, version: int | None) -> pl.DataFrame:
    """Return every record of a raw table's version, whatever came after it."""
    columns = {**_CONTENT[table], "updated_at": pl.Datetime("us", "UTC")}
    records = scan_pinned(settings, table, version)
    if not records.files:
        return pl.DataFrame(schema=columns)
    scan = pl.scan_parquet([*records.files], hive_partitioning=False)
    if records.up_to is not None:
        scan = scan.filter(pl.col("batch_number") <= records.up_to)
    return scan.select([*columns]).collect()

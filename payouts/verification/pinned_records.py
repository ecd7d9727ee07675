"""Reads the records that a run pinned: latest wins, whole credit sets, categories in force (INTERFACES.md).

Uses Polars and plain Python instead of the project's SQL.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from allive.ingestion.pin_problems import RESTORE_RAW, PinsError
from allive.ingestion.pins_check import require_pins
from allive.ingestion.raw_tables import TABLES, pins_path, read_pins, stored_files, table_path
from allive.ingestion.raw_versions import DamagedLogError, Records, UnknownVersionError, records_of, register_path
from allive.ingestion.settings import Settings
from allive.payouts import user_centric
from allive.payouts.closed_month.month_files import Control, Policy, read_json
from allive.payouts.ledger import CONTROL_FILE
from allive.payouts.months import first_day, is_month, last_day
from allive.payouts.user_centric import Payee, Work

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
        "refunded_cents": pl.Int64,
    },
    "artists": {
        **dict.fromkeys(
            ("artist_id", "name", "email", "iban", "bic", "street", "postcode", "town", "country"), pl.String
        ),
        "left_on": pl.Date,
        **dict.fromkeys(("legal_name", "account_holder", "siren", "vat_id", "tax_country", "contact_email"), pl.String),
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
"""The columns that decide, in this order, between records with the same `updated_at`."""


class GoneError(Exception):
    """Data that a run pinned is absent by rule: it cannot be checked, but nothing is wrong.

    Absent by rule is the data that a copy of payouts/ alone leaves out, and that of a version beyond the look-back,
    which neither log nor register has to keep.
    """


class DamagedError(Exception):
    """Data that a run pinned is missing, cut or older than the run, and no rule allows that: a failure."""


@dataclass(frozen=True)
class Live:
    """The fields of a live that settling needs."""

    title: str
    is_exclusive_live: bool
    duration_s: Any
    published_on: date | None

    def counts(self, policy: Policy) -> bool:
        """Whether time on it is worth money (RULES.md §4)."""
        return self.is_exclusive_live and self.duration_s >= policy.minimum_live_s


@dataclass(frozen=True)
class Catalogue:
    """Lives, valid credit sets and categories of the versions that one run pinned."""

    lives: Mapping[str, Live]
    credits: Mapping[str, Sequence[tuple[str, int]]]
    categories: Mapping[str, Sequence[tuple[date, str]]]

    def category(self, artist_id: str, on: date) -> str | None:
        """Return the category with the latest `valid_from` on or before the day."""
        return Payee(self.categories.get(artist_id, ())).category(on)

    def pool_members(self, month: str, policy: Policy, left_on: Mapping[str, date | None]) -> tuple[str, ...]:
        """Return the members of a month's pool, in order (RULES.md §5.4)."""
        counting = {live_id: live for live_id, live in self.lives.items() if live.counts(policy)}
        catalogue = user_centric.Catalogue(
            works={
                live_id: Work(dict(self.credits[live_id]), live.published_on)
                for live_id, live in counting.items()
                if live_id in self.credits
            },
            payees={
                artist_id: Payee(changes, left_on.get(artist_id)) for artist_id, changes in self.categories.items()
            },
        )
        rules = user_centric.Policy(minimum_pool_share_bp=policy.minimum_pool_share_bp)
        return user_centric.pool_members(catalogue, rules, first=first_day(month), last=last_day(month))


def scan_pinned(settings: Settings, table: str, version: int | None) -> Records:
    """Return where the records of a raw table's version are now.

    Raises:
        GoneError: The version is absent by rule.
        DamagedError: Pins, log, register or a file of it is damaged.
    """
    if version is None:
        return Records((), None)
    if not _has_raw(settings):
        raise GoneError("raw/ is not in this data home")
    try:
        records = _records(settings, table, version)
    except (GoneError, DamagedError):
        raise
    except (PinsError, DamagedLogError) as error:
        raise DamagedError(str(error)) from error
    except Exception as error:
        what = " ".join(str(error).split())[:200]
        raise DamagedError(
            f"the log of raw/{table} cannot be read ({type(error).__name__}: {what}). {RESTORE_RAW}"
        ) from error
    return records


def _records(settings: Settings, table: str, version: int) -> Records:
    """Find the files of the records, and check that each exists with the size in the log."""
    require_pins(settings, with_files=False)
    pins = read_pins(settings)
    pinned = pins.versions[table]
    if pinned is None or pinned < version:
        found = "no version" if pinned is None else f"version {pinned}"
        raise DamagedError(f"raw/{table}: found {found} pinned, expected {version} or a later one. {RESTORE_RAW}")
    try:
        records = records_of(settings, table, version)
    except UnknownVersionError as error:
        if _is_beyond_look_back(settings, table, version):
            raise GoneError(f"{error}: it is beyond the look-back") from error
        raise DamagedError(f"{error}. {RESTORE_RAW}") from error
    folder = table_path(settings, table)
    sizes = {folder / file.path: file.size for file in stored_files(settings, table, pins.layouts[table])}
    for path in records.files:
        found = f"{path.stat().st_size:,} bytes" if path.exists() else "no file"
        if found != f"{sizes[path]:,} bytes":
            raise DamagedError(
                f"{path.relative_to(settings.home).as_posix()}: found {found}, expected the {sizes[path]:,} bytes that "
                "the log says. Restore it from a backup of raw/"
            )
    return records


def _has_raw(settings: Settings) -> bool:
    """Whether the data home has raw tables or pins at all; a copy of payouts/ alone has none."""
    return pins_path(settings).exists() or any(table_path(settings, table).exists() for table in TABLES)


def _is_beyond_look_back(settings: Settings, table: str, version: int) -> bool:
    """Whether no month that the next run settles again read the version; False if the register is missing.

    Maintenance that trims the log keeps the register, so a missing register was lost.
    """
    if not register_path(settings).exists():
        return False
    months = sorted(folder.name for folder in settings.payouts_dir.iterdir() if is_month(folder.name))
    controls = [read_json(settings.payouts_dir / month / CONTROL_FILE, Control) for month in months]
    reach = max((control.policy.look_back_months for control in controls), default=0)
    # The newest run, and the months that it settled again.
    needed = [control.raw_versions.get(table) for control in controls[-(reach + 1) :]]
    return version < min((one for one in needed if one is not None), default=0)


def latest(settings: Settings, table: str, version: int | None, *, key: Sequence[str]) -> pl.DataFrame:
    """Return the record in force for each key: the greatest `updated_at` (missing = oldest), then content."""
    columns = [*_CONTENT[table]]
    records = all_records(settings, table, version)
    order = ["updated_at", *columns]
    return records.sort(order, nulls_last=False).unique(key, keep="last", maintain_order=True).select(columns)


def read_catalogue(settings: Settings, versions: Mapping[str, int | None]) -> Catalogue:
    """Return the catalogue of the versions that a run pinned.

    Raises:
        GoneError: One of them no longer exists.
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
    """Turn a panic of Polars, which is not an `Exception`, into an error like that of any broken file."""
    try:
        yield
    except pl.exceptions.PanicException as panic:
        raise RuntimeError(f"polars panicked: {panic}") from panic


def _credit_sets(settings: Settings, version: int | None) -> dict[str, list[tuple[str, int]]]:
    """Return each live's newest set; sets that do not sum to 10,000 bp or name an artist twice are left out."""
    lines = all_records(settings, "live_credits", version)
    age = pl.col("updated_at").rank("dense").fill_null(0)
    newest = lines.with_columns(age=age).filter(pl.col("age") == pl.col("age").max().over("live_id"))
    sets: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for live_id, artist_id, share_bp in newest.select([*_CONTENT["live_credits"]]).unique().sort(pl.all()).rows():
        sets[live_id].append((artist_id, share_bp))
    return {
        live_id: shares
        for live_id, shares in sets.items()
        if len(dict(shares)) == len(shares) and Work(dict(shares)).has_whole_shares
    }


def all_records(settings: Settings, table: str, version: int | None) -> pl.DataFrame:
    """Return every record of a raw table's version, without records loaded later."""
    columns = {**_CONTENT[table], "updated_at": pl.Datetime("us", "UTC")}
    records = scan_pinned(settings, table, version)
    if not records.files:
        return pl.DataFrame(schema=columns)
    # A file written before a column was added lacks it.
    scan = pl.scan_parquet(
        [*records.files],
        hive_partitioning=False,
        schema={**columns, "batch_number": pl.Int64},
        missing_columns="insert",
        extra_columns="ignore",
    )
    if records.up_to is not None:
        scan = scan.filter(pl.col("batch_number") <= records.up_to)
    return scan.select([*columns]).collect()

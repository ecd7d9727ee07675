"""The serving copy: what dashboards may read, in a DuckDB file of its own with a name that is never used again.

DuckDB shares one instance a path, so a file replaced in place is served stale for ever. Each copy is a new file;
`current.duckdb` is a symlink that is moved over in one rename. Nothing that names a subscriber or a bank account is in.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.settings import Settings

CURRENT = "current.duckdb"
KEPT_COPIES = 3

# Grain by grain what dashboards need; a mart that is not named here is not published.
PUBLISHED_MARTS = (
    "dim_artists",
    "dim_dates",
    "dim_lives",
    "fct_artist_months",
    "fct_settlement_months",
)
# Should one of these turn up in a published mart, publishing stops: it would be readable by every dashboard.
PERSONAL_COLUMNS = frozenset(
    {
        "subscriber_id",
        "subscriber_pseudonym",
        "period_id",
        "playback_id",
        "email",
        "iban",
        "bic",
        "street",
        "postcode",
        "town",
        "country",
    }
)


class PersonalDataError(RuntimeError):
    """A mart on the published list has a column that must not leave the warehouse."""


@dataclass(frozen=True)
class ServingCopy:
    """The copy that `current.duckdb` points to."""

    path: Path
    inputs: str
    rows: dict[str, int]
    is_new: bool


def publish(settings: Settings, *, inputs: str) -> ServingCopy:
    """Copy the published marts into a new file and point `current.duckdb` to it; drop copies beyond the last three.

    `inputs` is the hash of what the warehouse was built from: a copy of the same inputs is kept as it is.

    Raises:
        PersonalDataError: A published mart has a personal column; the copy in service stays.
    """
    settings.serving_dir.mkdir(parents=True, exist_ok=True)
    current = _read_current(settings)
    if current is not None and current.inputs == inputs:
        return current
    path = settings.serving_dir / f"allive-{_next_number(settings):06d}-{inputs[:12]}.duckdb"
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    rows = _copy_marts(settings, aside, inputs=inputs)
    aside.rename(path)
    _point_current_to(settings, path)
    _drop_old_copies(settings)
    return ServingCopy(path=path, inputs=inputs, rows=rows, is_new=True)


def _read_current(settings: Settings) -> ServingCopy | None:
    link = settings.serving_dir / CURRENT
    if not link.exists():
        return None
    path = link.resolve()
    with duckdb.connect(path, read_only=True) as con:
        row = con.execute("select inputs from published.copy").fetchone()
        rows = con.execute("select mart, rows from published.marts order by mart").fetchall()
    return ServingCopy(path=path, inputs=row[0] if row else "", rows=dict(rows), is_new=False)


def _copy_marts(settings: Settings, target: Path, *, inputs: str) -> dict[str, int]:
    with duckdb.connect(target) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set memory_limit = ?", [settings.memory_limit])
        con.execute(f"attach {_literal(settings.warehouse_path)} as warehouse (read_only)")
        columns = _published_columns(con)
        con.execute("create schema marts")
        con.execute("create schema published")
        con.execute("create table published.copy (inputs varchar, published_at timestamptz)")
        con.execute("create table published.marts (mart varchar, rows bigint)")
        for mart in columns:
            con.execute(f"create table marts.{mart} as select * from warehouse.marts.{mart}")
            con.execute(f"insert into published.marts select ?, count(*) from marts.{mart}", [mart])
        con.execute("insert into published.copy values (?, now())", [inputs])
        rows = dict(con.execute("select mart, rows from published.marts").fetchall())
        con.execute("detach warehouse")
    return rows


def _published_columns(con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    columns: dict[str, set[str]] = {}
    for mart, column in con.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name = 'marts'"
    ).fetchall():
        columns.setdefault(mart, set()).add(column)
    published = {mart: columns[mart] for mart in PUBLISHED_MARTS if mart in columns}
    personal = [f"{mart}.{column}" for mart, names in published.items() for column in sorted(names & PERSONAL_COLUMNS)]
    if personal:
        raise PersonalDataError(
            f"Found personal columns in published marts: {', '.join(personal)}; expected none. Take the column out of "
            "the mart, or the mart out of PUBLISHED_MARTS. The copy in service was not changed."
        )
    return published


def _next_number(settings: Settings) -> int:
    return 1 + max(
        (int(copy.name.split("-")[1]) for copy in settings.serving_dir.glob("allive-*-*.duckdb")),
        default=0,
    )


def _point_current_to(settings: Settings, path: Path) -> None:
    # The link is relative, so that a data home that is moved keeps working.
    aside = settings.serving_dir / f".{CURRENT}.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(settings.serving_dir / CURRENT)


def _drop_old_copies(settings: Settings) -> None:
    # A reader that has an old copy open keeps it: the file goes when it is closed.
    for old in sorted(settings.serving_dir.glob("allive-*-*.duckdb"))[:-KEPT_COPIES]:
        old.unlink()
    for unfinished in settings.serving_dir.glob(".allive-*.part*"):
        unfinished.unlink()


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

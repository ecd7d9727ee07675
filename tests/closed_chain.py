"""Months closed by the oracle and written in the format of INTERFACES.md, as input for `allive verify`.

Only the statements and the files for banks are made by product code. Hashes, files and figures are computed here.
"""

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from allive.payouts.bank_file import Transfer, compose_bank_file, read_bank_file
from allive.payouts.payer import Payer
from allive.payouts.statements import statement_number, write_statements
from tests.oracle import (
    Artist,
    CategoryChange,
    Credit,
    Heartbeat,
    History,
    Live,
    Run,
    Settlement,
    Snapshot,
    Subscription,
    instant,
)
from tests.oracle.history import Standing, electronic_iban, payment_date
from tests.oracle.pseudonyms import KEY, check_value, period_pseudonym, pseudonym
from tests.oracle.settlement import (
    envelope_cents,
    first_day,
    is_payable,
    largest_remainder,
    last_day,
    months_later,
)
from tests.oracle.withholdings import withheld_cents

PAYER = Payer("Allive SAS", "FR1420041010050500013M02606", "PSSTFRPPPAR", "12 rue Gaîté", "75014", "Paris", "FR")
IBANS = ("FR7630006000011234567890189", "FR7630001007941234567890185", "FR1420041010050500013M02606")
_MONEY = pa.decimal128(38, 0)
_SLICE_TYPES: dict[str, Any] = {
    "subscriber_pseudonym": pa.string(),
    "artist_id": pa.string(),
    "category": pa.string(),
    "weight": _MONEY,
    "amount_nanos": _MONEY,
    "destination": pa.string(),
}
_DATA_FILES = (".csv", ".parquet", "control.json")


@dataclass
class Chain:
    """Closed months in a `payouts/` folder; each close adds one.

    The first `of_format_1` months are written as format 1 has them, the others as format 2. `key` is the one that the
    next month's pseudonyms are made with. `withholdings` are in force whenever a month of format 2 pays.
    """

    payouts: Path
    history: History = field(default_factory=History)
    of_format_1: int = 0
    key: str = KEY
    withholdings: tuple[dict[str, Any], ...] = ()
    raw_versions: dict[str, int | None] = field(default_factory=dict)
    _catalogues: dict[str, str] = field(default_factory=dict)
    _amendments: dict[str, str] = field(default_factory=dict)
    _entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def months(self) -> list[str]:
        """The closed months."""
        return [*self.history.runs]

    def amend(self, month: str) -> None:
        """`allive amend`."""
        self.history.amend(month)
        self._amendments[month] = self.record("amend", settlement_month=month, why="tests")

    def return_payment(self, month: str, artist_id: str) -> None:
        """`allive payments return`: add the returned transfer to the artist's balance, and set its IBAN aside."""
        (cents,) = (line.paid_cents for line in self.history.runs[month].lines if line.artist_id == artist_id)
        details = {"artist_id": artist_id, "cents": cents, "settlement_month": month}
        transfers = self.payouts / month / "transfers.csv"
        if not transfers.exists():
            self._add_to_balance("payment_returned", details)
            return
        (transfer,) = (row for row in read_rows(transfers) if row["artist_id"] == artist_id)
        name = transfer["end_to_end_id"]
        returned: dict[str, Any] = {"kind": "returned", "end_to_end_id": name, "booked_on": "2021-06-01"}
        returned["cents"] = int(transfer["ordered_cents"])
        if withheld := int(transfer["withheld_cents"]):
            returned["withheld_back_cents"] = withheld
        line = append_payments(self.payouts, "returned", [returned])
        self._enter({"entry": f"{line}:0", "kind": "returned"} | details)
        self.history.standings[artist_id] = Standing(set_aside=frozenset({transfer["iban"]}))

    def write_off(self, artist_id: str) -> None:
        """Write off a negative balance."""
        self._add_to_balance("write_off", {"artist_id": artist_id, "cents": -self.history.balances[artist_id]})

    def close(self, month: str, data: Snapshot) -> Run:
        """Close the next month on a snapshot and write its files."""
        key = None if len(self.months) < self.of_format_1 else self.key
        booked_before = set(self.history.booked_periods)
        run = self.history.close(month, data)
        self._catalogues |= {month: month, **dict.fromkeys(self._amendments, month)}
        folder = self.payouts / month
        folder.mkdir(parents=True)
        (self.payouts / ".pseudonym.key").write_text(f"{self.key}\n", encoding="ascii")
        open_nanos = self._open_envelopes(month, data)
        write_csv(folder / "artist_payouts.csv", _payout_rows(run, data))
        write_csv(folder / "adjustments.csv", _adjustment_rows(run))
        write_csv(folder / "artist_lives.csv", _live_rows(run, data, minimum_live_s=self.history.policy.minimum_live_s))
        write_slices(folder / "slices.parquet", run.settlement, key=key)
        corrected = {adjustment.corrects_month for adjustment in run.adjustments}
        for again, settlement in run.resettled.items():
            if again in corrected or not booked_before.issuperset(settlement.periods):
                (folder / "resettled").mkdir(exist_ok=True)
                write_slices(folder / "resettled" / f"{again}.parquet", settlement, key=key)
        of_format: dict[str, Any] = {}
        if key is not None:
            if self.withholdings:
                write_withholdings(folder, self.withholdings)
                of_format["withholdings"] = [*self.withholdings]
            write_transfers(folder, artists=data.artists)
            write_payees(folder, artists=data.artists)
            head = payments_head(self.payouts)
            of_format |= {"pseudonym_key_check": check_value(key), "receipts_root": None, "payments_head": head}
        write_json(folder / "control.json", self._control(run, open_nanos) | of_format)
        write_documents(folder, self._previous_run_hash(month), artists=data.artists)
        write_manifest(folder, self._previous_run_hash(month), month_format=None if key is None else 2)
        self._amendments.clear()
        self._entries.clear()
        record_closing(self.payouts, month)
        order_month(self.payouts, month)
        return run

    def record(self, action: str, **details: Any) -> str:
        """Append a line to the audit log; return its id."""
        return append_line(self.payouts, {"action": action, **details})

    def _add_to_balance(self, kind: str, details: dict[str, Any]) -> None:
        entry = self.record(kind, why="tests", **details)
        self._enter({"entry": entry, "kind": kind, "settlement_month": None} | details)

    def _enter(self, details: dict[str, Any]) -> None:
        self._entries.append(details)
        artist_id = details["artist_id"]
        self.history.balances[artist_id] = self.history.balances.get(artist_id, 0) + details["cents"]

    def _previous_run_hash(self, month: str) -> str:
        manifest = self.payouts / months_later(month, -1) / "manifest.json"
        return str(read_json(manifest)["run_hash"]) if manifest.exists() else "0" * 64

    def _open_envelopes(self, month: str, data: Snapshot) -> list[int]:
        """INTERFACES.md: "envelopes still open at month end", in nanos, of periods that began but settle later."""
        return [
            envelope_cents(period, self.history.policy) * 10_000_000
            for period in data.periods.values()
            if is_payable(period, self.history.policy)
            and period.period_start <= last_day(month)
            and self.history.settlement_month(period) > month
        ]

    def _control(self, run: Run, open_nanos: list[int]) -> dict[str, Any]:
        policy = self.history.policy
        written_policy = {"policy_valid_from": "2015-01-01", "price_cents": 499} | asdict(policy)
        adjusted: dict[str, int] = defaultdict(int)
        for adjustment in run.adjustments:
            adjusted[adjustment.corrects_month] += adjustment.adjustment_cents
        again = {
            month: _totals(settlement)
            | {"catalogue": self._catalogues[month], "policy": written_policy, "adjustment_cents": adjusted[month]}
            for month, settlement in run.resettled.items()
        }
        sums = {
            name: sum(getattr(line, name) for line in run.lines)
            for name in ("adjustment_cents", "brought_forward_cents", "paid_cents", "carried_forward_cents")
        }
        return (
            {"settlement_month": run.month}
            | _totals(run.settlement)
            | sums
            | {
                "envelope_cents": run.settlement.envelope_nanos // 10_000_000,
                "earned_nanos": run.settlement.envelope_nanos,
                "paid_artists": sum(line.paid_cents > 0 for line in run.lines),
                "open_periods": len(open_nanos),
                "open_envelope_nanos": sum(open_nanos),
                "open_envelope_cents": sum(open_nanos) // 10_000_000,
                "payment_date": payment_date(run.month, policy).isoformat(),
                "policy": written_policy,
                "raw_versions": self.raw_versions,
                "adjustments": again,
                "amendments": [*self._amendments.values()],
                "balance_entries": self._entries,
            }
        )


def small_season(rng: Random, *, months: int = 4) -> Iterator[tuple[str, Snapshot]]:
    """Yield months from October on, each with the records that had landed by its close.

    Three artists, one of each category, and a few subscribers with envelopes of 6 EUR. A third of the heartbeats land
    after the close of their month, and some periods are refunded after it. December pays everyone.
    """
    records: list[Any] = list(_catalogue())
    late: list[Any] = []
    for number in range(months):
        month = months_later("2020-10", number)
        records += late
        late = []
        for subscriber in range(rng.randrange(3, 6)):
            watching = [beat for live in "abk" for beat in _beats(rng, month, f"sub-{subscriber}", f"live-{live}")]
            records += [beat for number, beat in enumerate(watching) if number % 3]
            late += watching[::3]
            period = _period(f"per-{number}-{subscriber}", f"sub-{subscriber}", month)
            records.append(period)
            if rng.random() < 0.3:
                late.append(_refunded(period))
        # Every month has something to correct, including one period that was unknown at its close.
        late.append(_period(f"per-{number}-late", "sub-late", month))
        late += _beats(rng, month, "sub-late", "live-a")
        yield month, Snapshot.of(records)


def small_chain(
    payouts: Path,
    *,
    seed: int,
    months: int = 5,
    other_end: bool = False,
    of_format_1: int = 0,
    withholdings: tuple[dict[str, Any], ...] = (),
) -> Chain:
    """Close a small season that has adjustments, an amendment, a returned payment and a recorded verification.

    With `other_end`, the last month closes without some of its heartbeats; the months before it are the same.
    """
    chain = Chain(payouts, of_format_1=of_format_1, withholdings=withholdings)
    for month, data in small_season(Random(seed), months=months):
        if chain.months:
            last = chain.history.runs[chain.months[-1]]
            returned = [line.artist_id for line in last.lines if line.paid_cents]
            if returned and month.endswith(("-12", "-01")):
                chain.return_payment(last.month, returned[0])
            if month.endswith("-12"):
                chain.amend(last.month)
        is_other = other_end and len(chain.months) == months - 1
        chain.close(month, _without_some_heartbeats(data) if is_other else data)
    last_run_hash = read_json(payouts / chain.months[-1] / "manifest.json")["run_hash"]
    chain.record("verify", months=chain.months, findings=0, last_month=chain.months[-1], last_run_hash=last_run_hash)
    return chain


def reseal(payouts: Path, *, documents: bool = True) -> None:
    """Make a changed chain consistent again: manifests, run hashes, and the audit log with every hash that it names.

    A forger with the code and enough time could do this. With `documents`, statements, bank files and orders are
    rewritten too.
    """
    if documents:
        _reseal_payments(payouts)
    log = payouts / "audit.ndjson"
    lines = log.read_bytes().splitlines()
    log.unlink()
    ids: dict[str, str] = {}
    run_hashes = {"": "0" * 64}
    for line in lines:
        entry = json.loads(line)
        for seal in ("previous", "sha256"):
            del entry[seal]
        if entry["action"] == "close":
            folder = payouts / entry["settlement_month"]
            previous = run_hashes[max(run_hashes)]
            _rename_requests(folder / "control.json", ids)
            if documents:
                write_documents(folder, previous, artists=_artists_of(folder))
            run_hashes[folder.name] = write_manifest(folder, previous)
            manifest = (folder / "manifest.json").read_bytes()
            entry |= {"run_hash": run_hashes[folder.name], "manifest_sha256": hashlib.sha256(manifest).hexdigest()}
        if entry["action"] == "verify":
            entry["last_run_hash"] = run_hashes[entry["last_month"]]
        ids[hashlib.sha256(line).hexdigest()] = append_line(payouts, entry)


def write_csv(path: Path, rows: list[tuple[Any, ...]]) -> None:
    """Write rows; the first one is the header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_json(path: Path, content: Any) -> None:
    """Write JSON in the layout of a closed month's files."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_slices(path: Path, settlement: Settlement, *, key: str | None) -> None:
    """Write a settlement's slices: periods under the key's pseudonyms or, without a key, by id, as in format 1."""
    named = [
        (
            one.period_id if key is None else period_pseudonym(one.period_id, key),
            pseudonym(one.subscriber_id, key or KEY),
            *one[2:],
        )
        for one in settlement.slices
    ]
    rows = sorted(named, key=lambda row: (row[0], row[2] is not None, row[2] or "", row[3] or ""))
    write_slice_rows(path, rows, names="period_id" if key is None else "period_pseudonym")


def write_slice_rows(path: Path, rows: Iterable[tuple[Any, ...]], *, names: str | None = None) -> None:
    """Write rows as a slices file; its column of names is by default the one that the file has so far."""
    types = {names or pq.read_schema(path).names[0]: pa.string(), **_SLICE_TYPES}
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [
        pa.array(column, pa.int64()).cast(type_) if type_ == _MONEY else pa.array(column, type_)
        for column, type_ in zip(columns, types.values(), strict=True)
    ]
    pq.write_table(pa.table(arrays, names=[*types]), path, compression="zstd")


def write_withholdings(folder: Path, withholdings: Iterable[Mapping[str, Any]]) -> None:
    """Write what a month withholds, from artists whose country of tax residence nobody knows."""
    header = "settlement_month,artist_id,name,owed_to,rate_bp,base_cents,withheld_cents"
    lines = [
        (folder.name, row["artist_id"], *(one[name] for name in ("name", "owed_to", "rate_bp")), paid, cents)
        for row in read_rows(folder / "artist_payouts.csv")
        if (paid := int(row["paid_cents"]))
        for one in withholdings
        if (cents := withheld_cents(paid, one, row["artist_id"], tax_country=None)) is not None
    ]
    write_csv(folder / "withholdings.csv", [tuple(header.split(",")), *lines])


def withheld_in(folder: Path) -> Counter[str]:
    """The cents that a month withholds, by artist."""
    withheld: Counter[str] = Counter()
    path = folder / "withholdings.csv"
    for row in read_rows(path) if path.exists() else []:
        withheld[row["artist_id"]] += int(row["withheld_cents"])
    return withheld


def write_transfers(folder: Path, *, artists: Mapping[str, Artist]) -> None:
    """Write the transfers that a month of format 2 asks for."""
    withheld = withheld_in(folder)
    header = (
        "settlement_month,end_to_end_id,artist_id,account_holder,iban,bic,street,postcode,town,country,paid_cents,"
        "withheld_cents,ordered_cents"
    )
    transfers = [
        _transfer(statement_number(folder.name, position), artists[row["artist_id"]], int(row["paid_cents"]))
        for position, row in enumerate(read_rows(folder / "artist_payouts.csv"), start=1)
        if int(row["paid_cents"])
    ]
    lines = [
        (
            folder.name,
            one.end_to_end_id,
            one.artist_id,
            one.name,
            one.iban,
            *(one.bic, one.street, one.postcode, one.town, one.country),
            *(one.amount_cents, withheld[one.artist_id], one.amount_cents - withheld[one.artist_id]),
        )
        for one in transfers
    ]
    write_csv(folder / "transfers.csv", [tuple(header.split(",")), *lines])


def write_payees(folder: Path, *, artists: Mapping[str, Artist]) -> None:
    """Write who is on each statement of a month of format 2."""
    header = "settlement_month,artist_id,legal_name,siren,vat_id,tax_country,vat_note"
    rows = read_rows(folder / "artist_payouts.csv")
    write_csv(
        folder / "payees.csv",
        [tuple(header.split(",")), *((folder.name, row["artist_id"], *_identity(artists, row), None) for row in rows)],
    )


def _identity(artists: Mapping[str, Artist], row: Mapping[str, str]) -> tuple[str | None, ...]:
    one = artists.get(row["artist_id"])
    return (one.legal_name, one.siren, one.vat_id, one.tax_country) if one else (None,) * 4


def order_month(payouts: Path, month: str) -> None:
    """Order the transfers of a month of format 2: a file, and its line in the register."""
    path = payouts / month / "transfers.csv"
    rows = read_rows(path) if path.exists() else []
    if not rows:
        return
    transfers = [
        Transfer(
            row["end_to_end_id"],
            row["artist_id"],
            row["account_holder"],
            row["iban"],
            *(row[name] or None for name in ("bic", "street", "postcode", "town", "country")),
            amount_cents=int(row["ordered_cents"]),
        )
        for row in rows
    ]
    message_id, requested_on = f"ALV-{month}-tests-1", date.fromisoformat("2021-06-01")
    content = compose_bank_file(
        transfers, payer=PAYER, message_id=message_id, requested_on=requested_on, created_on=requested_on
    )
    order = payouts / "orders" / f"{message_id}.xml"
    order.parent.mkdir(exist_ok=True)
    order.write_bytes(content)
    named = {one.end_to_end_id: one for one in read_bank_file(order).transfers}
    facts = [
        {
            "kind": "ordered",
            "end_to_end_id": row["end_to_end_id"],
            "settlement_month": month,
            "artist_id": row["artist_id"],
            "cents": int(row["ordered_cents"]),
            **({"withheld_cents": int(row["withheld_cents"])} if int(row["withheld_cents"]) else {}),
            "iban": row["iban"],
            "name": named[row["end_to_end_id"]].name,
        }
        for row in rows
    ]
    append_payments(
        payouts,
        "ordered",
        facts,
        order={
            "message_id": message_id,
            "path": f"orders/{order.name}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "requested_on": requested_on.isoformat(),
        },
    )


def append_payments(payouts: Path, event: str, facts: list[dict[str, Any]], **more: Any) -> str:
    """Append a line to the register of payments; return its id."""
    line = {"format": 1, "event": event, "why": "tests", **more, "facts": facts}
    return append_line(payouts, line, log="payments.ndjson")


def payments_head(payouts: Path) -> str:
    """The SHA-256 of the register's last line, or of nothing."""
    path = payouts / "payments.ndjson"
    lines = path.read_bytes().splitlines() if path.exists() else [b""]
    return hashlib.sha256(lines[-1]).hexdigest()


def _reseal_payments(payouts: Path) -> None:
    """Write transfers, orders and register again from the rows, and name the register's new lines in the months."""
    log = payouts / "payments.ndjson"
    lines = log.read_bytes().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    ids: dict[str, str] = {}
    for line in lines:
        entry = json.loads(line)
        if "order" in entry:
            folder = payouts / str(entry["facts"][0]["settlement_month"])
            write_transfers(folder, artists=_artists_of(folder))
            order_month(payouts, folder.name)
            new = payments_head(payouts)
        else:
            new = append_payments(payouts, entry["event"], entry["facts"])
        ids[hashlib.sha256(line).hexdigest()] = new
    for control in payouts.glob("*/control.json"):
        _rename_requests(control, ids)


def _artists_of(folder: Path) -> dict[str, Artist]:
    """The artists of a month, each with an account: no other file of the month names it, so any IBAN will do."""
    return {
        row["artist_id"]: Artist(row["artist_id"], row["artist_name"], iban=IBANS[0])
        for row in read_rows(folder / "artist_payouts.csv")
    }


def write_documents(folder: Path, previous_run_hash: str, *, artists: Mapping[str, Artist]) -> None:
    """Write the month's statements from its data files, and its bank file in format 1."""
    run_hash = run_hash_of(previous_run_hash, hashes(folder))
    (folder / "sepa-credit-transfers.xml").unlink(missing_ok=True)
    rows = read_rows(folder / "artist_payouts.csv")
    control = read_json(folder / "control.json")
    transfers = [
        _transfer(statement_number(folder.name, position), artists[row["artist_id"]], int(row["paid_cents"]))
        for position, row in enumerate(rows, start=1)
        if int(row["paid_cents"])
    ]
    if transfers and not (folder / "transfers.csv").exists():
        content = compose_bank_file(
            transfers,
            payer=PAYER,
            message_id=f"ALV-{folder.name}-{run_hash[:20]}",
            requested_on=date.fromisoformat(control["payment_date"]),
            created_on=first_day(months_later(folder.name, 1)),
        )
        (folder / "sepa-credit-transfers.xml").write_bytes(content)
    write_statements(folder, run_hash=run_hash, contact="artistes@allive.example", workers=1)


def write_manifest(folder: Path, previous_run_hash: str, *, month_format: int | None = None) -> str:
    """Write a manifest of all files that are in the folder now, by default in its format so far; return the run hash.

    Without a format it states none, as the first months of format 1.
    """
    path = folder / "manifest.json"
    if path.exists():
        month_format = month_format or read_json(path).get("format")
        path.unlink()
    files = hashes(folder)
    run_hash = run_hash_of(previous_run_hash, files)
    stated = {} if month_format is None else {"format": month_format}
    content = {"settlement_month": folder.name, "run_hash": run_hash, "previous_run_hash": previous_run_hash}
    write_json(path, stated | content | {"files": files})
    return run_hash


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a month."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_hash_of(previous_run_hash: str, files: Mapping[str, str]) -> str:
    """INTERFACES.md: "run hash = sha256 over the data files (csv, parquet, control) and the previous run's hash"."""
    lines = [f"{files[name]}  {name}" for name in sorted(files) if name.endswith(_DATA_FILES)]
    return hashlib.sha256("\n".join([previous_run_hash, *lines, ""]).encode()).hexdigest()


def append_line(payouts: Path, details: Mapping[str, Any], *, log: str = "audit.ndjson") -> str:
    """Append a line to a log, sealed and chained to the line before; return its id."""
    payouts.mkdir(parents=True, exist_ok=True)
    path = payouts / log
    lines = path.read_bytes().split(b"\n") if path.exists() else [b"", b""]
    entry = {"at": "2021-06-01T08:00:00+00:00", "operator": "Zoé", **details}
    entry["previous"] = hashlib.sha256(lines[-2]).hexdigest()
    entry["sha256"] = hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest()
    line = json.dumps(entry, ensure_ascii=False).encode()
    path.write_bytes(b"\n".join([*lines[:-1], line, b""]) if path.exists() else line + b"\n")
    return hashlib.sha256(line).hexdigest()


def record_closing(payouts: Path, month: str) -> None:
    """Record the close of a month in the audit log."""
    manifest = (payouts / month / "manifest.json").read_bytes()
    append_line(
        payouts,
        {
            "action": "close",
            "settlement_month": month,
            "run_hash": json.loads(manifest)["run_hash"],
            "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        },
    )


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_bytes())


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _without_some_heartbeats(data: Snapshot) -> Snapshot:
    return Snapshot({**data.records, "heartbeats": data.records["heartbeats"][:-5]})


def _rename_requests(control: Path, ids: Mapping[str, str]) -> None:
    content = control.read_text(encoding="utf-8")
    for old, new in ids.items():
        content = content.replace(old, new)
    control.write_text(content, encoding="utf-8")


def _payout_rows(run: Run, data: Snapshot) -> list[tuple[Any, ...]]:
    names = [*asdict(run.lines[0])] if run.lines else []
    rows = [
        (
            run.month,
            line.artist_id,
            data.artists[line.artist_id].name if line.artist_id in data.artists else None,
            *(getattr(line, name) for name in names[1:]),
        )
        for line in run.lines
    ]
    return [("settlement_month", "artist_id", "artist_name", *names[1:]), *rows]


def _adjustment_rows(run: Run) -> list[tuple[Any, ...]]:
    header = "settlement_month,corrects_month,artist_id,booked_cents,recomputed_cents,adjustment_cents"
    lines = [
        (run.month, one.corrects_month, one.artist_id, one.booked_cents, one.recomputed_cents, one.adjustment_cents)
        for one in run.adjustments
    ]
    return [tuple(header.split(",")), *lines]


def _live_rows(run: Run, data: Snapshot, *, minimum_live_s: int) -> list[tuple[Any, ...]]:
    """Rows of `artist_lives.csv`: each direct slice, split over the lives watched in proportion to weight."""
    watched: dict[tuple[str, str], int] = defaultdict(int)
    earned: dict[tuple[str, str], int] = defaultdict(int)
    payers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in run.settlement.slices:
        if one.artist_id is None:
            continue
        by_live = _weights_by_live(one.period_id, one.artist_id, one.category, data, minimum_live_s=minimum_live_s)
        for live_id, weight in by_live.items():
            watched[one.artist_id, live_id] += weight
        if one.destination == "direct":
            for live_id, nanos in largest_remainder(one.amount_nanos, by_live).items():
                earned[one.artist_id, live_id] += nanos
                if nanos:
                    payers[one.artist_id, live_id].add(one.subscriber_id)
    with_a_row = {line.artist_id for line in run.lines}
    header = "settlement_month,artist_id,live_id,title,watch_ms,paying_subscribers,direct_nanos"
    rows = [
        (run.month, *key, data.catalogue.lives[key[1]].title, weight // 10_000, len(payers[key]), earned[key])
        for key, weight in sorted(watched.items())
        if key[0] in with_a_row
    ]
    return [tuple(header.split(",")), *rows]


def _weights_by_live(
    period_id: str, artist_id: str, category: str | None, data: Snapshot, *, minimum_live_s: int
) -> dict[str, int]:
    period = data.periods[period_id]
    catalogue = data.catalogue
    weights: dict[str, int] = defaultdict(int)
    for (subscriber_id, live_id, day), (watch_ms, _) in data.watch.by_day().items():
        is_theirs = subscriber_id == period.subscriber_id and period.period_start <= day < period.period_end
        if (
            is_theirs
            and catalogue.counts(live_id, minimum_live_s=minimum_live_s)
            and catalogue.category(artist_id, day) == category
        ):
            weights[live_id] += watch_ms * sum(
                bp for credited, bp in catalogue.shares(live_id) if credited == artist_id
            )
    return {live_id: weight for live_id, weight in weights.items() if weight}


def _totals(settlement: Settlement) -> dict[str, Any]:
    return {
        "periods": len(settlement.periods),
        "idle_periods": sum(one.artist_id is None for one in settlement.slices),
        "envelope_nanos": settlement.envelope_nanos,
        "direct_nanos": sum(settlement.direct_nanos.values()),
        "pool_nanos": settlement.pool_total_nanos,
        "pool_members": list(settlement.members),
        "earned_cents": sum(settlement.earned_cents.values()),
    }


def _transfer(number: str, artist: Artist, cents: int) -> Transfer:
    assert artist.iban is not None
    return Transfer(
        end_to_end_id=number,
        artist_id=artist.artist_id,
        name=artist.holder,
        iban=electronic_iban(artist.iban),
        bic=artist.bic,
        street=artist.street,
        postcode=artist.postcode,
        town=artist.town,
        country=artist.country,
        amount_cents=cents,
    )


def _catalogue() -> Iterator[Any]:
    for number, (letter, category) in enumerate((("a", "emerging"), ("b", "independent"), ("k", "known"))):
        yield Artist(f"art-{letter}", f"Été {letter}", iban=IBANS[number])
        yield CategoryChange(f"art-{letter}", category, first_day("2020-01"))
        yield Live(f"live-{letter}", f"Nuit {letter}", "live", True, 3600)
    yield Credit("live-a", "art-a", 6_667)
    yield Credit("live-a", "art-b", 3_333)
    yield Credit("live-b", "art-b", 10_000)
    yield Credit("live-k", "art-k", 10_000)


def _period(period_id: str, subscriber_id: str, month: str) -> Subscription:
    start, end = first_day(month), first_day(months_later(month, 1))
    stamp = instant(f"{start}T08:00:00Z")
    return Subscription(period_id, subscriber_id, start, end, "paid", stamp, None, 999, 600)


def _refunded(period: Subscription) -> Subscription:
    values = {**asdict(period), "status": "refunded", "updated_at": period.updated_at + 1}
    return Subscription(**values)


def _beats(rng: Random, month: str, subscriber_id: str, live_id: str) -> list[Heartbeat]:
    start = instant(f"{month}-{rng.randrange(2, 28):02}T20:00:00Z")
    beats = rng.randrange(2, 9)
    playback_id = f"play-{month}-{subscriber_id}-{live_id}"
    return [
        Heartbeat(
            event_id=f"{playback_id}-{number}",
            playback_id=playback_id,
            subscriber_id=subscriber_id,
            live_id=live_id,
            event_at=start + number * 9_973,
            state="playing" if number < beats else "ended",
            position_ms=number * 10_000,
        )
        for number in range(beats + 1)
    ]

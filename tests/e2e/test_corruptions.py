"""Closed chains corrupted at random, as by an accident or a forger: `allive verify` names the file every time."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.statements import StatementTotals, read_statement_total
from allive.payouts.verification import verify
from tests import closed_chain
from tests.closed_chain import small_chain
from tests.e2e.conftest import Chances

UNTOUCHED = 6
SEED = 1


@dataclass(frozen=True)
class Corrupted:
    """A corruption, and a file that a finding must name."""

    done: str
    file: str


@pytest.fixture(scope="module", autouse=True)
def statements_read_once() -> Iterator[None]:
    """Read each PDF's text once: it depends on the bytes alone, and most PDFs stay unchanged."""
    known: dict[bytes, StatementTotals] = {}

    def read_once(pdf: Path) -> StatementTotals:
        content = pdf.read_bytes()
        if content not in known:
            known[content] = read_statement_total(pdf)
        return known[content]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("allive.payouts.verification.documents.read_statement_total", read_once)
        yield


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain of five months, untouched. Read only."""
    return small_chain(tmp_path_factory.mktemp("closed") / "payouts", seed=SEED).payouts


@pytest.fixture(scope="module")
def another_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same chain with its last month closed on other data, and just as valid."""
    return small_chain(tmp_path_factory.mktemp("another") / "payouts", seed=SEED, other_end=True).payouts


def a_byte(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """One byte of any file is changed."""
    path = any_file(rng, payouts)
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    content[at] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    return Corrupted(f"byte {at} of {named(path, payouts)}", named(path, payouts))


def a_last_byte(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A byte of the audit log's last line, which no other line seals, is changed."""
    path = payouts / "audit.ndjson"
    content = bytearray(path.read_bytes())
    last_line = len(content) - len(content.splitlines()[-1]) - 1
    content[rng.randrange(last_line, len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    return Corrupted("a byte of the last line", "audit.ndjson")


def a_cut_file(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A file is truncated or empty."""
    path = any_file(rng, payouts)
    content = path.read_bytes()
    path.write_bytes(content[: rng.choice((0, len(content) // 2, len(content) - 1))])
    return Corrupted(f"{path.name} cut", named(path, payouts))


def a_digit(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A digit in a CSV file is changed."""
    path = change_digit(rng, payouts)
    return Corrupted(f"a digit of {path}", named(path, payouts))


def a_digit_resealed(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """The same, with manifests, chain and audit log that agree with it; the amounts do not agree."""
    path = change_digit(rng, payouts)
    closed_chain.reseal(payouts, documents=False)
    return Corrupted(f"a digit of {path}, resealed", named(path, payouts))


def a_digit_with_a_new_chain(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """The same, with a consistent chain of manifests that is not in the audit log."""
    path = change_digit(rng, payouts)
    previous = "0" * 64
    for month in months(payouts):
        previous = closed_chain.write_manifest(payouts / month, previous)
    return Corrupted(f"a digit of {path}, new chain", f"{path.parent.name}/manifest.json")


def a_moved_slice(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A slice is moved to another artist."""
    path = move_slice(rng, payouts)
    return Corrupted(f"a slice of {path}", named(path, payouts))


def a_moved_slice_resealed(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """The same, resealed: the month's earnings or adjustments no longer match its slices."""
    path = move_slice(rng, payouts)
    closed_chain.reseal(payouts, documents=False)
    rows = "adjustments.csv" if path.parent.name == "resettled" else "artist_payouts.csv"
    return Corrupted(f"a slice of {path}, resealed", f"{month_of(path, payouts)}/{rows}")


def cents_for_a_friend(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A cent of one artist's earnings goes to another, and every file of the chain agrees, even the documents."""
    folder = payouts / rng.choice(months(payouts))
    rows = closed_chain.read_rows(folder / "artist_payouts.csv")
    robbed, friend = rng.sample(rows, 2)
    for row, cents in ((robbed, -1), (friend, 1)):
        row["earned_cents"] = str(int(row["earned_cents"]) + cents)
        paid = "paid_cents" if int(row["paid_cents"]) else "carried_forward_cents"
        row[paid] = str(int(row[paid]) + cents)
    write_rows(folder / "artist_payouts.csv", rows)
    control = closed_chain.read_json(folder / "control.json")
    for name in ("paid_cents", "carried_forward_cents"):
        control[name] = sum(int(row[name]) for row in rows)
    closed_chain.write_json(folder / "control.json", control)
    closed_chain.reseal(payouts)
    return Corrupted(f"a cent in {folder.name}", f"{folder.name}/artist_payouts.csv")


def a_forged_adjustment(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """An adjustment is 5 cents higher in all files, but not in the slices that were settled again."""
    with_lines = [
        month for month in months(payouts) if len(closed_chain.read_rows(payouts / month / "adjustments.csv"))
    ]
    folder = payouts / rng.choice(with_lines)
    lines = closed_chain.read_rows(folder / "adjustments.csv")
    line = rng.choice(lines)
    for name in ("recomputed_cents", "adjustment_cents"):
        line[name] = str(int(line[name]) + 5)
    write_rows(folder / "adjustments.csv", lines)
    closed_chain.reseal(payouts, documents=False)
    return Corrupted(f"an adjustment of {folder.name}", f"{folder.name}/adjustments.csv")


def a_control_total(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A control total is changed, and everything is resealed."""
    folder = payouts / rng.choice(months(payouts))
    control = closed_chain.read_json(folder / "control.json")
    name = rng.choice([name for name, value in control.items() if isinstance(value, int) and name != "open_periods"])
    control[name] += rng.choice((-1, 1, 10_000_000))
    closed_chain.write_json(folder / "control.json", control)
    closed_chain.reseal(payouts, documents=False)
    expected = "artist_payouts.csv" if name in SUMMED else "control.json"
    return Corrupted(f"{name} of {folder.name}", f"{folder.name}/{expected}")


def other_documents(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """Statements and bank file are older than a change that is resealed: they show the old run hash."""
    folder = payouts / rng.choice(months(payouts))
    control = closed_chain.read_json(folder / "control.json")
    control["remark"] = "nothing that anybody reads"
    closed_chain.write_json(folder / "control.json", control)
    closed_chain.reseal(payouts, documents=False)
    sent = [*(folder / "statements").iterdir(), *folder.glob("*.xml")]
    return Corrupted(f"documents of {folder.name}", named(rng.choice(sent), payouts))


def swapped_files(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """Two months swap their files of the same name, sometimes with new manifests for both."""
    one, other = rng.sample(months(payouts), 2)
    name = rng.choice(("artist_payouts.csv", "slices.parquet", "control.json", "manifest.json", "artist_lives.csv"))
    left, right = (payouts / one / name).read_bytes(), (payouts / other / name).read_bytes()
    (payouts / one / name).write_bytes(right)
    (payouts / other / name).write_bytes(left)
    if name != "manifest.json" and rng.random() < 0.5:
        closed_chain.reseal(payouts, documents=False)
    resealed_says = {"slices.parquet": "artist_payouts.csv"}.get(name, name)
    names = {f"{one}/{name}", f"{one}/{resealed_says}"}
    return Corrupted(f"{name} of {one} and {other}", "|".join(sorted(names)))


def swapped_statements(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """Two artists' statements swap their names, and everything is resealed."""
    folder = payouts / rng.choice(months(payouts))
    one, other = rng.sample(sorted((folder / "statements").iterdir()), 2)
    left, right = one.read_bytes(), other.read_bytes()
    one.write_bytes(right)
    other.write_bytes(left)
    closed_chain.reseal(payouts, documents=False)
    return Corrupted(f"statements of {folder.name}", named(one, payouts))


def another_last_month(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """The last month is replaced by another valid run of the same chain, on other data."""
    last = months(payouts)[-1]
    shutil.rmtree(payouts / last)
    shutil.copytree(another_run / last, payouts / last)
    return Corrupted(f"another {last}", f"{last}/manifest.json")


def a_dropped_month(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A month is deleted; sometimes the chain is linked again without it."""
    month = rng.choice(months(payouts))
    shutil.rmtree(payouts / month)
    if rng.random() < 0.5:
        previous = "0" * 64
        for other in months(payouts):
            previous = closed_chain.write_manifest(payouts / other, previous)
    return Corrupted(f"{month} dropped", month)


def a_dropped_file(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A file is deleted."""
    path = any_file(rng, payouts)
    path.unlink()
    return Corrupted(f"{path.name} dropped", named(path, payouts))


def a_file_too_many(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A file is added that the manifest does not name, or that it names although no row needs it."""
    folder = payouts / rng.choice(months(payouts))
    path = folder / rng.choice(("notes.txt", "statements/art-z.pdf", "resettled/2019-01.parquet"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"more")
    if path.name != "notes.txt" and rng.random() < 0.5:
        closed_chain.reseal(payouts, documents=False)
    return Corrupted(f"{path} added", named(path, payouts))


def a_dropped_line(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """A line of the audit log is deleted: any line but the last."""
    path = payouts / "audit.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines) - 1)
    path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    return Corrupted(f"line {at + 1}", "audit.ndjson")


def a_cut_log(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """The audit log ends before the last closing."""
    path = payouts / "audit.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: -rng.randrange(2, len(lines))]))
    return Corrupted("the log cut", f"{months(payouts)[-1]}/manifest.json")


def a_forged_line(rng: Random, payouts: Path, another_run: Path) -> Corrupted:
    """Less came back of a payment, and the register is chained again: the line that the run took up is not in it."""
    path = payouts / "payments.ndjson"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.unlink()
    (returned, *_) = (fact for line in lines for fact in line["facts"] if fact["kind"] == "returned")
    returned["cents"] -= 1
    for line in lines:
        content = {key: line[key] for key in line if key not in {"previous", "sha256"}}
        closed_chain.append_line(payouts, content, log=path.name)
    return Corrupted("a returned payment of the register", "2020-12/control.json")


WAYS: tuple[Callable[[Random, Path, Path], Corrupted], ...] = (
    a_byte,
    a_byte,
    a_byte,
    a_last_byte,
    a_cut_file,
    a_digit,
    a_digit_resealed,
    a_digit_resealed,
    a_digit_with_a_new_chain,
    a_moved_slice,
    a_moved_slice_resealed,
    a_moved_slice_resealed,
    cents_for_a_friend,
    a_forged_adjustment,
    a_control_total,
    other_documents,
    swapped_files,
    swapped_statements,
    another_last_month,
    a_dropped_month,
    a_dropped_file,
    a_file_too_many,
    a_dropped_line,
    a_cut_log,
    a_forged_line,
)
SUMMED = {"adjustment_cents", "brought_forward_cents", "paid_cents", "carried_forward_cents", "paid_artists"}


@pytest.mark.parametrize("seed", range(UNTOUCHED))
def test_an_untouched_chain_is_green(seed: int, tmp_path: Path) -> None:
    chain = small_chain(tmp_path / "payouts", seed=100 + seed, months=3 + seed % 4)
    verification = verify(Settings(home=tmp_path))
    assert not verification.findings, "\n".join(map(str, verification.findings))
    assert verification.months == tuple(chain.months)


def test_every_corruption_is_found_and_named(closed: Path, another_run: Path, chances: Chances, tmp_path: Path) -> None:
    undone: list[str] = []
    for number in range(chances.corruptions):
        rng = Random(number)
        home = tmp_path / str(number)
        shutil.copytree(closed, home / "payouts")
        corrupt = WAYS[number % len(WAYS)]
        corrupted = corrupt(rng, home / "payouts", another_run)
        verification = verify(Settings(home=home))
        files = {finding.file for finding in verification.findings}
        if files.isdisjoint(corrupted.file.split("|")):
            undone.append(f"{number}: {corrupted} found {files or 'nothing'}")
        shutil.rmtree(home)
    assert not undone, "\n".join(undone)


def test_a_log_cut_after_its_last_closing_is_found_by_its_head(closed: Path, tmp_path: Path) -> None:
    """Nothing in the data home shows that such a line is missing; only a head noted elsewhere does."""
    shutil.copytree(closed, tmp_path / "payouts")
    head = verify(Settings(home=tmp_path)).audit_head
    assert not verify(Settings(home=tmp_path), anchor=head).findings
    log = tmp_path / "payouts" / "audit.ndjson"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert not verify(Settings(home=tmp_path)).findings
    assert [finding.file for finding in verify(Settings(home=tmp_path), anchor=head).findings] == ["audit.ndjson"]


def test_a_chain_rewritten_with_all_its_documents_is_found_by_its_head(closed: Path, tmp_path: Path) -> None:
    """The limit of what the data home can prove by itself (docs/adr/0010)."""
    shutil.copytree(closed, tmp_path / "payouts")
    head = verify(Settings(home=tmp_path)).audit_head
    for month in months(tmp_path / "payouts"):
        rename_everywhere(tmp_path / "payouts" / month, "Été a", "Été z")
    closed_chain.reseal(tmp_path / "payouts")
    assert not verify(Settings(home=tmp_path)).findings
    assert [finding.file for finding in verify(Settings(home=tmp_path), anchor=head).findings] == ["audit.ndjson"]


def months(payouts: Path) -> list[str]:
    """The closed months in the folder."""
    return sorted(path.name for path in payouts.glob("????-??"))


def any_file(rng: Random, payouts: Path) -> Path:
    """A random file; every kind is equally likely, and the audit log and the manifests are kinds of their own."""
    files = sorted(path for path in payouts.rglob("*") if path.is_file())
    kind = rng.choice(sorted({path.suffix + path.stem[:3] * (path.suffix == ".json") for path in files}))
    return rng.choice([path for path in files if path.suffix + path.stem[:3] * (path.suffix == ".json") == kind])


def named(path: Path, payouts: Path) -> str:
    """A file's name as in findings: each month names the key of its pseudonyms in its control totals."""
    if path.name == ".pseudonym.key":
        return f"{months(payouts)[0]}/control.json"
    return path.relative_to(payouts).as_posix()


def month_of(path: Path, payouts: Path) -> str:
    """The month that a file belongs to."""
    return path.relative_to(payouts).parts[0]


def change_digit(rng: Random, payouts: Path) -> Path:
    """Change one digit of a number in a CSV file, not in its ids and months."""
    numbers = {path: _numbers(path) for path in sorted(payouts.rglob("*.csv"))}
    path = rng.choice([path for path, names in numbers.items() if names])
    rows = closed_chain.read_rows(path)
    row = rng.choice(rows)
    name = rng.choice(numbers[path])
    at = rng.choice([at for at, digit in enumerate(row[name]) if digit.isdigit()])
    digits = sorted({*"123456789"} - {row[name][at]})
    row[name] = row[name][:at] + rng.choice(digits) + row[name][at + 1 :]
    write_rows(path, rows)
    return path


def _numbers(path: Path) -> list[str]:
    """The columns of a CSV file with numbers; none if it has no rows."""
    names = [name for row in closed_chain.read_rows(path)[:1] for name in row]
    return [name for name in names if name.endswith(("_ms", "_nanos", "_cents", "subscribers"))]


def move_slice(rng: Random, payouts: Path) -> Path:
    """Move one slice of the emerging or the independent artist to the other one."""
    files = sorted(payouts.rglob("*.parquet"))
    while True:
        path = rng.choice(files)
        rows = [list(row.values()) for row in pq.read_table(path).to_pylist()]
        row = rng.choice(rows)
        other = {"art-a": ("art-b", "independent"), "art-b": ("art-a", "emerging")}.get(row[2])
        if other is not None and row[5]:
            row[2:4] = other
            rows.sort(key=lambda row: (row[0], row[2] or "", row[3] or ""))
            closed_chain.write_slice_rows(path, [(*row[:4], int(row[4]), int(row[5]), row[6]) for row in rows])
            return path


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write the rows of a CSV file back."""
    closed_chain.write_csv(path, [tuple(rows[0]), *(tuple(row.values()) for row in rows)])


def rename_everywhere(folder: Path, old: str, new: str) -> None:
    """Replace a text that no figure depends on, in a month's data files."""
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

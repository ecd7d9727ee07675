"""Statements as an artist reads them: the PDF's text, compared with figures calculated by hand."""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from allive.payouts.statements import (
    PaymentsOfYear,
    StatementDataError,
    StatementTotals,
    UnreadableStatementError,
    read_statement_total,
    write_statements,
    write_yearly_statements,
)
from allive.payouts.statements.month import Live, Statement, read_statements
from allive.payouts.statements.typesetting import Typesetter
from allive.payouts.statements.wording import month_page

RUN_HASH = "0123456789abcdef" * 4
CONTACT = "artistes@allive.example"
CENT = 10_000_000
IBAN = "FR7630006000011234567890189"
PAYOUT_COLUMNS = (
    "settlement_month,artist_id,artist_name,category,watch_ms,paying_subscribers,direct_nanos,pool_nanos,earned_nanos,"
    "earned_cents,adjustment_cents,brought_forward_cents,paid_cents,carried_forward_cents,carry_reason"
)
LIVE_COLUMNS = "settlement_month,artist_id,live_id,title,watch_ms,paying_subscribers,direct_nanos"
ADJUSTMENT_COLUMNS = "settlement_month,corrects_month,artist_id,booked_cents,recomputed_cents,adjustment_cents"


@dataclass
class Artist:
    """An artist's row of a month, and their data in the other files. `lives`: title, watch_ms, subscribers, nanos."""

    artist_id: str
    earned_cents: int
    lives: Iterable[tuple[str, int, int, int]] = ()
    pool_nanos: int | None = None
    name: str = "Zoé Faÿ"
    previous_cents: int = 0
    adjustments: dict[str, int] = field(default_factory=dict)
    entries: tuple[dict[str, Any], ...] = ()
    paid_cents: int = 0
    reason: str = ""


def write_month(folder: Path, *artists: Artist, month: str = "2021-02", payment_date: str = "2021-03-10") -> Path:
    folder.mkdir(parents=True)
    rows, lives, adjustments, entries, transfers = [], [], [], [], []
    for position, artist in enumerate(artists, start=1):
        direct = sum(live[3] for live in artist.lives)
        brought_forward = artist.previous_cents + sum(entry["cents"] for entry in artist.entries)
        adjusted = sum(artist.adjustments.values())
        carried = brought_forward + artist.earned_cents + adjusted - artist.paid_cents
        pool = artist.pool_nanos or 0
        watch = sum(live[1] for live in artist.lives)
        subscribers = max((live[2] for live in artist.lives), default=0)
        rows.append(
            (
                *(month, artist.artist_id, artist.name, "emerging", watch, subscribers, direct, pool, direct + pool),
                *(artist.earned_cents, adjusted, brought_forward, artist.paid_cents, carried, artist.reason),
            )
        )
        lives += [(month, artist.artist_id, f"live-{n:03}", *live) for n, live in enumerate(artist.lives)]
        adjustments += [(month, of, artist.artist_id, 0, cents, cents) for of, cents in artist.adjustments.items()]
        entries += [{"entry": "0" * 64, "artist_id": artist.artist_id, **entry} for entry in artist.entries]
        if artist.paid_cents:
            transfers.append(
                f"<CdtTrfTxInf><PmtId><InstrId>1</InstrId><EndToEndId>ALV-{month}-{position:05d}</EndToEndId></PmtId>"
                f'<Amt><InstdAmt Ccy="EUR">{artist.paid_cents / 100:.2f}</InstdAmt></Amt>'
                f"<CdtrAcct><Id><IBAN>{IBAN}</IBAN></Id></CdtrAcct></CdtTrfTxInf>"
            )
    write_csv(folder / "artist_payouts.csv", PAYOUT_COLUMNS, rows)
    write_csv(folder / "artist_lives.csv", LIVE_COLUMNS, lives)
    write_csv(folder / "adjustments.csv", ADJUSTMENT_COLUMNS, adjustments)
    members = [artist.artist_id for artist in artists if artist.pool_nanos is not None]
    control = {
        "settlement_month": month,
        "direct_nanos": sum(live[3] for artist in artists for live in artist.lives),
        "pool_nanos": sum(artist.pool_nanos or 0 for artist in artists),
        "pool_members": members,
        "balance_entries": entries,
        "payment_date": payment_date,
        "policy": {"envelope_cents": 100, "minimum_payout_cents": 1000, "pool_rule": "equal"},
    }
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"run_hash": RUN_HASH}), encoding="utf-8")
    if transfers:
        (folder / "sepa-credit-transfers.xml").write_text(
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn><PmtInf>'
            f"{''.join(transfers)}</PmtInf></CstmrCdtTrfInitn></Document>",
            encoding="utf-8",
        )
    # One pot of 3 € with weights 1 : 2 for x1 and x2; pro-rata, no one else would have earned anything.
    money = pa.decimal128(38, 0)
    slices = {
        "artist_id": ["x1", "x2"],
        "category": ["emerging"] * 2,
        "weight": pa.array([1, 2], pa.int64()).cast(money),
        "amount_nanos": pa.array([150 * CENT] * 2, pa.int64()).cast(money),
    }
    pq.write_table(pa.table(slices), folder / "slices.parquet")
    return folder


def write_csv(path: Path, columns: str, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns.split(","), *rows])


def pages(pdf: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(pdf).pages]


def only_statement(folder: Path) -> str:
    assert write_statements(folder, run_hash=RUN_HASH, contact=CONTACT) == 1
    (pdf,) = (folder / "statements").iterdir()
    return "\n".join(pages(pdf))


def set_page(statement: Statement) -> bytes:
    return Typesetter("month.typ").pdf(month_page(statement, pro_rata_cents=0, run_hash=RUN_HASH, contact=CONTACT))


def lives(number: int) -> list[tuple[str, int, int, int]]:
    return [(f"Concert {n}", 3_600_000, 9, 100 * CENT) for n in range(number)]


def cents(printed: str) -> int:
    return int(re.sub(r"[\s\u202f,€]", "", printed).replace("\u2212", "-"))


TYPICAL = Artist(
    "x1",
    # Direct and pool have 1234.76 and 333.24 of the 1568 cents: 1235 and 333. The lives have 1234.40 and 0.60 of those
    # 1235, so 1234 and 1.
    lives=[("Au phare", 7_320_000, 4, 1234 * CENT + 5_000_000), ("La Cigale", 60_000, 5, 6_000_000)],
    pool_nanos=333_333_3333,
    earned_cents=1568,
    previous_cents=-250,
    adjustments={"2020-12": -1234, "2021-01": 305},
    entries=({"kind": "payment_returned", "cents": 4321, "settlement_month": "2021-01"},),
    paid_cents=4710,
)


def test_a_statement_says_it_all(tmp_path: Path) -> None:
    text = only_statement(write_month(tmp_path / "2021-02", TYPICAL)).replace("\u202f", " ").replace("\u00a0", " ")
    for line in (
        "allive. Relevé de rémunération février 2021",
        "Zoé Faÿ",
        "Identifiant x1",
        "Relevé n° ALV-2021-02-00001",
        "vers votre compte FR76 •••• 189",
        "Au phare 2 h 02 min moins de 5 12,34 €",
        "La Cigale 1 min 5 0,01 €",
        "Votre part du pot commun, partagé à parts égales entre 1 artiste 3,33 €",
        "Gagné en février 2021 15,68 €",
        "Solde du relevé précédent \u22122,50 €",
        "Virement retourné par la banque (janvier 2021) 43,21 €",
        "Régularisation de décembre 2020 \u221212,34 €",
        "Régularisation de janvier 2021 3,05 €",
        "Votre solde 47,10 €",
        "Virement ordonné, à partir du 10 mars 2021 47,10 €",
        "Reporté sur mars 2021 0,00 €",
        f"Empreinte de la clôture {RUN_HASH}",
    ):
        assert line in text.splitlines()
    # 3 € split 1 : 2, with 0.00 € of pool: x1 would have earned 1 €.
    assert "vous auriez gagné 1,00 €, soit 14,68 € de moins qu\u2019ici." in " ".join(text.split())
    assert f"Écrivez à {CONTACT}" in text


TRANSFER_COLUMNS = (
    "settlement_month,end_to_end_id,artist_id,account_holder,iban,bic,street,postcode,town,country,paid_cents,"
    "withheld_cents,ordered_cents"
)
WITHHELD_COLUMNS = "settlement_month,artist_id,name,owed_to,rate_bp,base_cents,withheld_cents"
PAYEE_COLUMNS = "settlement_month,artist_id,legal_name,siren,vat_id,tax_country,vat_note"


def in_format_2(
    folder: Path, *withheld: tuple[str, str, int, int], payee: tuple[str, ...] = ("",) * 5, paid_cents: int = 4710
) -> Path:
    """Give the typical month the files of format 2. Withheld: name, creditor, basis points, cents."""
    kept = sum(one[3] for one in withheld)
    number = f"ALV-{folder.name}-00001"
    (folder / "sepa-credit-transfers.xml").unlink(missing_ok=True)
    transfer = (folder.name, number, "x1", "Zoé", IBAN, *[""] * 5, paid_cents, kept, paid_cents - kept)
    write_csv(folder / "transfers.csv", TRANSFER_COLUMNS, [transfer])
    write_csv(folder / "payees.csv", PAYEE_COLUMNS, [(folder.name, "x1", *payee)])
    if withheld:
        lines = [(folder.name, "x1", name, owed, bp, paid_cents, cents) for name, owed, bp, cents in withheld]
        write_csv(folder / "withholdings.csv", WITHHELD_COLUMNS, lines)
    return folder


def plain_lines(folder: Path) -> list[str]:
    return only_statement(folder).replace("\u202f", " ").replace("\u00a0", " ").splitlines()


def test_what_is_withheld_is_between_the_amount_paid_and_the_order(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", TYPICAL)
    in_format_2(folder, ("CSG", "l'Urssaf", 920, 433), ("Retenue à la source", "le Trésor", 1_000, 471))
    lines = plain_lines(folder)
    place = lines.index("Votre solde 47,10 €")
    assert lines[place + 1 : place + 6] == [
        "À régler 47,10 €",
        "Retenu : CSG (9,2 %), pour l\u2019Urssaf \u22124,33 €",
        "Retenu : Retenue à la source (10 %), pour le Trésor \u22124,71 €",
        "Virement ordonné, à partir du 10 mars 2021 38,06 €",
        "Reporté sur mars 2021 0,00 €",
    ]
    assert "vers votre compte FR76 •••• 189" in lines
    totals = read_statement_total(folder / "statements" / "x1.pdf")
    assert (totals.paid_cents, totals.ordered_cents, totals.carried_forward_cents) == (4710, 3806, 0)


def test_an_order_of_nothing_is_no_transfer(tmp_path: Path) -> None:
    folder = in_format_2(write_month(tmp_path / "2021-02", TYPICAL), ("Saisie", "le Trésor", 10_000, 4710))
    lines = plain_lines(folder)
    assert "Aucun virement 0,00 €" in lines
    assert "Tout ce qui est à régler est retenu." in lines
    totals = read_statement_total(folder / "statements" / "x1.pdf")
    assert (totals.paid_cents, totals.ordered_cents) == (4710, 0)


def test_withholdings_that_disagree_with_the_transfers_make_no_statement(tmp_path: Path) -> None:
    folder = in_format_2(write_month(tmp_path / "2021-02", TYPICAL), ("CSG", "l'Urssaf", 920, 433))
    (folder / "withholdings.csv").unlink()
    with pytest.raises(StatementDataError, match="withheld cents: found 0, expected 433"):
        only_statement(folder)


def test_a_statement_names_both_sides(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", TYPICAL)
    in_format_2(folder, payee=("Faÿ SARL", "552100554", "FR12345678901", "FR", "TVA due par le preneur"))
    control = json.loads((folder / "control.json").read_text(encoding="utf-8"))
    control["payer"] = {
        "legal_name": "Allive SAS",
        "siren": "732829320",
        "street": "12 rue Gaîté",
        "postcode": "75014",
        "town": "Paris",
        "country": "FR",
    }
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")
    lines = plain_lines(folder)
    for line in (
        "Faÿ SARL",
        "SIREN 552 100 554",
        "TVA FR12345678901",
        "Payeur : Allive SAS",
        "SIREN 732 829 320",
        "12 rue Gaîté, 75014 Paris, FR",
        "TVA due par le preneur",
    ):
        assert line in lines


def test_nothing_is_printed_of_an_unknown_identity(tmp_path: Path) -> None:
    text = "\n".join(plain_lines(in_format_2(write_month(tmp_path / "2021-02", TYPICAL))))
    assert not re.search("SIREN|TVA|Payeur", text)


@pytest.mark.parametrize("artist", [TYPICAL, Artist("x1", earned_cents=700, pool_nanos=700 * CENT)])
def test_a_monthly_statement_says_of_no_money_that_it_arrived(tmp_path: Path, artist: Artist) -> None:
    without_others = replace(artist, entries=(), paid_cents=0, adjustments={}, previous_cents=0, reason="no_iban")
    for one in (artist, without_others):
        text = only_statement(write_month(tmp_path / f"{one.paid_cents}-{one.reason}" / "2021-02", one))
        assert not re.search(r"[Vv]ersée?s?\b|\bpayée?s?\b", text)


def test_printed_lines_sum_to_what_is_earned(tmp_path: Path) -> None:
    text = only_statement(write_month(tmp_path / "2021-02", TYPICAL))
    gains = text[text.index("Montant") : text.index("Gagné en")]
    amounts = re.findall(r"\u2212?[\d\u202f]+,\d\d\u202f€$", gains, re.MULTILINE)
    assert len(amounts) == 3
    assert sum(map(cents, amounts)) == 1568
    assert "Arrondi" not in text


def test_cents_that_no_nano_stands_for_make_no_statement(tmp_path: Path) -> None:
    with pytest.raises(StatementDataError, match="cents earned without any nano: found 1, expected 0"):
        only_statement(write_month(tmp_path / "2021-02", Artist("x1", earned_cents=1)))


@pytest.mark.parametrize(
    ("reason", "previous", "sentence"),
    [
        ("below_minimum", 0, "dès 10,00 €"),
        ("negative", -5000, "vos prochains gains combleront cet écart"),
        ("no_iban", 5000, "Nous n\u2019avons pas encore votre IBAN"),
        ("bad_iban", 5000, "Votre IBAN semble contenir une erreur"),
        ("not_sepa", 5000, "Donnez-nous l\u2019IBAN d\u2019un compte de la zone SEPA"),
        ("held", -5, "Nous avons suspendu vos paiements"),
        ("returned", 5000, "Donnez-nous un autre IBAN, ou confirmez-nous celui-ci"),
        ("iban_undated", 5000, "Confirmez-nous le bon"),
        ("iban_changed", 5000, "nous attendons dix jours"),
        ("", -700, "Votre solde est à zéro"),
    ],
)
def test_what_is_not_paid_is_explained(tmp_path: Path, reason: str, previous: int, sentence: str) -> None:
    artist = Artist("x1", pool_nanos=700 * CENT, earned_cents=700, previous_cents=previous, reason=reason)
    folder = write_month(tmp_path / "2021-02", artist)
    assert sentence in " ".join(only_statement(folder).split())
    assert read_statement_total(folder / "statements" / "x1.pdf") == StatementTotals(
        number="ALV-2021-02-00001",
        run_hash=RUN_HASH,
        earned_cents=700,
        paid_cents=0,
        carried_forward_cents=700 + previous,
        ordered_cents=0,
    )


def test_the_direct_pool_rule_is_told(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", *(Artist(f"x{n}", pool_nanos=0, earned_cents=0) for n in range(2)))
    control = folder / "control.json"
    control.write_text(control.read_text(encoding="utf-8").replace('"equal"', '"direct"'), encoding="utf-8")
    write_statements(folder, run_hash=RUN_HASH, contact=CONTACT)
    text = "\n".join(pages(folder / "statements" / "x1.pdf"))
    assert "Votre part du pot commun, partagé en proportion de leur part directe entre 2 artistes" in text


def test_an_artist_with_a_balance_only(tmp_path: Path) -> None:
    write_off = {"kind": "write_off", "cents": 640, "settlement_month": None}
    artist = Artist("x1", earned_cents=0, previous_cents=-640, entries=(write_off,))
    text = only_statement(write_month(tmp_path / "2021-02", artist))
    assert "Aucun de vos lives" in text
    assert "Solde effacé par Allive 6,40\u202f€" in text
    assert "vous n\u2019y avez pas de part" in " ".join(text.split())


def test_fifteen_lives_fit_on_a_page_with_all_that_can_be_said(tmp_path: Path) -> None:
    artist = Artist(
        "x1",
        name="Le Grand Orchestre symphonique et populaire des Jeunes Musiciennes et Musiciens de la Vallée",
        lives=lives(15),
        pool_nanos=4_999_999,
        earned_cents=1501,
        previous_cents=12,
        adjustments={"2020-11": -1, "2020-12": 2, "2021-01": -3},
        entries=({"kind": "payment_returned", "cents": 4321, "settlement_month": "2021-01"},),
        reason="iban_changed",
    )
    folder = write_month(tmp_path / "2021-02", artist)
    only_statement(folder)
    assert len(pages(folder / "statements" / "x1.pdf")) == 1


def test_eighty_lives_flow_over_numbered_pages_under_their_header(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", Artist("x1", lives=lives(80), earned_cents=8000, paid_cents=8000))
    only_statement(folder)
    found = pages(folder / "statements" / "x1.pdf")
    assert len(found) > 1
    for number, page in enumerate(found, start=1):
        assert f"{number}/{len(found)}" in page
        assert ("Concert" in page) == ("Visionnage" in page)
    assert sum(page.count("Concert ") for page in found) == 80


def test_what_people_wrote_is_never_markup(tmp_path: Path) -> None:
    hostile = '#eval("x") *gras* $x$ [a] #panic() @b <c> // d \\ = e'
    artist = Artist("x1", name=hostile, lives=[(hostile, 60_000, 9, 100 * CENT)], earned_cents=100)
    text = only_statement(write_month(tmp_path / "2021-02", artist))
    assert " ".join(text.replace("\u200b", "").split()).count(hostile) == 2


def test_a_title_cannot_pose_as_a_total(tmp_path: Path) -> None:
    title = "Votre compte \nGagné en 2021 9,99\u202f€ \nVersé le 1 9,99\u202f€ \nReporté sur 1 9,99\u202f€"
    folder = write_month(
        tmp_path / "2021-02", Artist("x1", name=title, lives=[(title, 1, 9, 100 * CENT)], earned_cents=100)
    )
    only_statement(folder)
    totals = read_statement_total(folder / "statements" / "x1.pdf")
    assert (totals.earned_cents, totals.paid_cents, totals.carried_forward_cents) == (100, 0, 100)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.text(max_size=300), title=st.text(max_size=300))
@example(name="محمد علي", title="宇多田ヒカル 🎸👨‍👩‍👧 ❤️ שלום")
@example(name="\u202eevil\u2066", title="\x00\x1b\ufeff\ufffe\ue000\U0010ffff")
@example(name="\x01\u200b", title="\u200d")
@example(name="e\u0301\u0323" * 50, title="W" * 5000)
def test_any_name_can_be_printed(tmp_path: Path, name: str, title: str) -> None:
    folder = tmp_path / "2021-02"
    if not folder.exists():
        write_month(folder, Artist("x1", lives=[("t", 60_000, 9, 100 * CENT)], earned_cents=100))
    (statement,) = read_statements(folder)
    live = Live("l", title, 60_000, 9, 100 * CENT)
    assert set_page(replace(statement, artist_name=name, lives=(live,))).startswith(b"%PDF")


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    artists = [Artist(f"x{n}", lives=lives(n), earned_cents=100 * n) for n in range(1, 7)]
    folder = write_month(tmp_path / "2021-02", *artists)
    made = []
    for workers in (1, 3):
        write_statements(folder, run_hash=RUN_HASH, contact=CONTACT, workers=workers)
        made.append({pdf.name: pdf.read_bytes() for pdf in (folder / "statements").iterdir()})
    assert made[0] == made[1]
    # Each thread typeset its own artist's page.
    assert [read_statement_total(folder / "statements" / f"x{n}.pdf").earned_cents for n in range(1, 7)] == [
        100 * n for n in range(1, 7)
    ]


def test_it_is_an_archivable_document_dated_by_the_payment(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", TYPICAL)
    only_statement(folder)
    reader = PdfReader(folder / "statements" / "x1.pdf")
    xmp = (folder / "statements" / "x1.pdf").read_bytes().decode("latin-1")
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert reader.metadata is not None
    assert str(reader.metadata["/CreationDate"]).startswith("D:20210310000000")
    fonts = {font["/BaseFont"][8:] for font in reader.pages[0]["/Resources"]["/Font"].values()}
    assert all(name.startswith("Inter-") for name in fonts)


def test_progress_is_told(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", *(Artist(f"x{n}", earned_cents=0) for n in range(3)))
    told: list[tuple[int, int]] = []
    write_statements(
        folder, run_hash=RUN_HASH, contact=CONTACT, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_id_that_leads_elsewhere_stays_in_the_folder(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", Artist("../../x1", earned_cents=0))
    only_statement(folder)
    assert not list(tmp_path.glob("*.pdf"))


def test_a_payment_without_its_transfer_is_refused(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-02", TYPICAL)
    (folder / "sepa-credit-transfers.xml").unlink()
    with pytest.raises(StatementDataError, match="transfers have 0 cents under ALV-2021-02-00001"):
        only_statement(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("artist_lives.csv", ",6000000\n", ",6000001\n", "direct nanos of the lives"),
        ("adjustments.csv", ",305\n", ",306\n", "adjustment lines"),
        ("artist_payouts.csv", ",4710,0,", ",4710,1,", "paid \\+ carried"),
        ("control.json", '"pool_members": ["x1"]', '"pool_members": []', "share of the pool"),
        ("sepa-credit-transfers.xml", "47.10", "47.11", "transfers have 4711 cents"),
    ],
)
def test_files_that_disagree_make_no_statement(tmp_path: Path, file: str, old: str, new: str, complaint: str) -> None:
    path = write_month(tmp_path / "2021-02", TYPICAL) / file
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1
    path.write_text(content.replace(old, new), encoding="utf-8")
    with pytest.raises(StatementDataError, match=complaint):
        only_statement(path.parent)


def test_another_pdf_is_no_statement(tmp_path: Path) -> None:
    folder = write_month(tmp_path / "2021-01", Artist("x1", earned_cents=0), month="2021-01")
    write_yearly_statements([folder], year=2021, target=tmp_path, contact=CONTACT)
    (tmp_path / "no.pdf").write_bytes(b"%PDF-1.7\nnothing")
    for name in ("x1.pdf", "no.pdf", "missing.pdf"):
        with pytest.raises(UnreadableStatementError, match=name):
            read_statement_total(tmp_path / name)


def year(tmp_path: Path) -> list[Path]:
    december = Artist("x1", earned_cents=100, pool_nanos=100 * CENT, previous_cents=5, reason="below_minimum")
    january = Artist(
        "x1",
        lives=[("A", 3_600_000, 20, 900 * CENT + 6_000_000)],
        pool_nanos=100 * CENT,
        earned_cents=1000,
        previous_cents=105,
        paid_cents=1105,
    )
    february = Artist(
        "x1",
        lives=[("A", 1_800_000, 4, 30 * CENT)],
        pool_nanos=50 * CENT,
        earned_cents=80,
        adjustments={"2021-01": -20},
        entries=({"kind": "payment_returned", "cents": 1105, "settlement_month": "2021-01"},),
        reason="no_iban",
    )
    return [
        write_month(tmp_path / "2020-12", december, month="2020-12", payment_date="2021-01-10"),
        write_month(tmp_path / "2021-01", january, month="2021-01", payment_date="2021-02-10"),
        write_month(tmp_path / "2021-02", february),
    ]


def test_a_year_adds_up_its_months(tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert write_yearly_statements(year(tmp_path)[::-1], year=2021, target=target, contact=CONTACT) == 1
    text = "\n".join(pages(target / "x1.pdf")).replace("\u202f", " ").replace("\u00a0", " ")
    for line in (
        "allive. Relevé annuel 2021",
        "Clôtures de janvier 2021 à février 2021",
        "janvier 2021 1 h 00 min 20 9,00 1,00 10,00 0,00 11,05",
        "février 2021 30 min moins de 5 0,30 0,50 0,80 \u22120,20 0,00",
        "Total 1 h 30 min 20 ou plus 9,30 1,50 10,80 \u22120,20 11,05",
        "Diffusion en flux (streaming) à la demande par abonnement 20 ou plus 1 h 30 min 10,60 €",
        "Solde à l\u2019ouverture de l\u2019année 1,05 €",
        "Virement retourné par la banque (janvier 2021) 11,05 €",
        "Gagné en 2021 10,80 €",
        "Régularisations \u22120,20 €",
        "Virements ordonnés par ces clôtures, jusqu\u2019au 10 mars 2021 \u221211,05 €",
        "Solde reporté sur mars 2021 11,65 €",
        f"Empreinte de la clôture de février 2021 {RUN_HASH}",
    ):
        assert line in text.splitlines()


def test_a_year_with_a_month_missing_is_refused(tmp_path: Path) -> None:
    december, january, february = year(tmp_path)
    march = write_month(
        tmp_path / "2021-03", Artist("x1", earned_cents=0, previous_cents=1165, reason="no_iban"), month="2021-03"
    )
    with pytest.raises(StatementDataError, match="Give every closed month"):
        write_yearly_statements([december, january, march], year=2021, target=tmp_path / "out", contact=CONTACT)
    assert write_yearly_statements([january, february, march], year=2021, target=tmp_path / "out", contact=CONTACT)


def test_a_year_without_months_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No closed month of 2019"):
        write_yearly_statements(year(tmp_path), year=2019, target=tmp_path / "out", contact=CONTACT)


def test_a_year_says_what_became_of_the_payments(tmp_path: Path) -> None:
    payments = PaymentsOfYear(
        ordered_cents=1105, executed_cents=1020, returned_cents=20, otherwise_cents=300, unconfirmed_cents=85
    )
    folders, target = year(tmp_path), tmp_path / "out"
    write_yearly_statements(folders, year=2021, target=target, contact=CONTACT, payments={"x1": payments})
    lines = "\n".join(pages(target / "x1.pdf")).replace("\u202f", " ").replace("\u00a0", " ").splitlines()
    place = lines.index("Vos paiements en 2021")
    assert lines[place + 1 : place + 7] == [
        "Virements ordonnés 11,05 €",
        "Virements exécutés par la banque 10,20 €",
        "Virements retournés par la banque \u22120,20 €",
        "Payé autrement que par virement 3,00 €",
        "Payé en 2021 13,00 €",
        "Ordonné, pas encore confirmé par la banque 0,85 €",
    ]
    said = " ".join(" ".join(lines).split())
    assert "13,00 € payés en 2021 ; 0,85 € ordonnés, pas encore confirmés par la banque" in said


def test_a_year_without_an_answer_of_the_bank_has_paid_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_yearly_statements(year(tmp_path), year=2021, target=target, contact=CONTACT)
    text = "\n".join(pages(target / "x1.pdf")).replace("\u202f", " ").replace("\u00a0", " ")
    assert "Payé en 2021 0,00 €" in text
    assert not re.search(r"[Vv]ersée?s?\b", text)

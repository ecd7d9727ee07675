# ruff: noqa: RUF001 - French typography
"""*Paiements* and an artist's own payments: each state in words, totals that add up, and who may see which part."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from allive.dashboards.access import AccessDeniedError, Principal, Role, require_finance
from allive.dashboards.app_pages.all_exports import find_export
from allive.dashboards.app_pages.artist.payment_parts import payment_card, statement_note, total_card
from allive.dashboards.app_pages.management.exports import WHOLE_TABLES
from allive.dashboards.formatting import Language
from allive.dashboards.queries.artist import payments as own
from allive.dashboards.queries.management import payments as queries
from allive.dashboards.texts import Texts, load_texts
from allive.orchestration.commands.payments import UNMATCHED_IN_WORDS
from allive.payouts.carry_reasons import CarryReason
from tests.unit.dashboards import artist_worlds as worlds
from tests.unit.dashboards.page_reading import cells, figures, words
from tests.unit.dashboards.page_runs import run_page, viewer_of

pytestmark = pytest.mark.slow

FINANCES = ("payment-holds", "ibans-set-aside", "payments-otherwise", "unmatched-movements")
QUERIES_OF_FINANCE = (
    queries.holds,
    queries.ibans_set_aside,
    queries.paid_otherwise,
    queries.unmatched_movements,
    queries.next_steps,
)
CLOSED_ACCOUNT = {
    "reason_code": "AC04",
    "reason_class": "quarantine",
    "reason_fr": "le compte est clos",
    "reason_en": "the account is closed",
}
SEIZED = {
    "reason_code": "AM07",
    "reason_class": "freeze",
    "reason_fr": "le montant est bloqué par une autorité",
    "reason_en": "an authority has blocked the amount",
}
NOON = datetime(2021, 3, 12, 11, 0, tzinfo=UTC)


def register() -> dict[str, list[dict[str, Any]]]:
    """Payments in every state. January pays ada 27,50 €; February pays ada 31,09 €, bo, dan, eve and flo."""
    ask_the_bank = "allive payments import FILE"
    ask_bo = "allive payments confirm-iban bo --why …"
    return {
        "payments": [
            worlds.payment("ada", "2021-01", 2_750, "executed"),
            worlds.payment("ada", "2021-02", 3_109, "ordered", waits_for="bank", next_command=ask_the_bank),
            worlds.payment(
                "bo", "2021-02", 1_000, "returned", waits_for="artist", next_command=ask_bo, **CLOSED_ACCOUNT
            ),
            worlds.payment("dan", "2021-02", 650, "executed", withheld_cents=100),
            worlds.payment("eve", "2021-02", 2_000, "partly_returned", returned_cents=500, waits_for="close", **SEIZED),
            worlds.payment("flo", "2021-02", 900, "reordered", end_to_end_id="first", repeated_by="ALV-2021-02-flo"),
            worlds.payment(
                "flo",
                "2021-02",
                900,
                "cancelled",
                waits_for="allive",
                next_command="allive payments reissue 2021-02 flo --why …",
            ),
        ],
        "payment_holds": [{"artist_id": "flo", "held_at": NOON, "operator": "zoe", "why": "an heir has written"}],
        "ibans_set_aside": [
            {
                "artist_id": "bo",
                "masked_iban": "FR14…2606",
                "set_aside_at": NOON,
                "end_to_end_id": "ALV-2021-02-bo",
                "is_current": True,
                **{key: value for key, value in CLOSED_ACCOUNT.items() if key != "reason_class"},
            }
        ],
        "payments_otherwise": [
            {
                "artist_id": "dan",
                "paid_cents": 320,
                "means": "chèque",
                "paid_on": date(2021, 3, 15),
                "operator": "zoe",
                "why": "no account",
            }
        ],
        "unmatched_movements": [
            {
                "movement": f"{'a' * 64}:2",
                "reason": "other_amount",
                "booked_on": date(2021, 3, 11),
                "amount_cents": -999,
                "currency": "EUR",
                "counterparty": "BO",
                "imported_at": NOON,
            },
            {"movement": f"{'a' * 64}:3", "reason": "unrelated", "amount_cents": 12_000, "imported_at": NOON},
        ],
        "open_balances": [
            {"artist_id": "bo", "balance_cents": 1_753, "carried_cents": 753, "pending_cents": 1_000,
             "carry_reason": "below_minimum", "carried_since": "2021-02"},
            {"artist_id": "eve", "balance_cents": 500, "carried_cents": 0, "pending_cents": 500},
            {"artist_id": "flo", "balance_cents": -12, "carried_cents": -12, "pending_cents": 0,
             "carry_reason": "negative", "carried_since": "2021-01"},
        ],
        "payments_register": [{"head": "f" * 64, "lines": 12, "read_at": NOON}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.write_season(tmp_path_factory.mktemp("payments"), **register())


def shown_to(home: Path, role: Role, language: Language = Language.FRENCH) -> Any:
    return run_page("management.payments", viewer_of(home, role=role, language=language))


def row(page: Any, key: str) -> dict[str, str]:
    return {column: text for (of_row, column), text in cells(page).items() if of_row == key}


def test_totals_by_state_add_up_to_what_the_closes_decided(home: Path) -> None:
    viewer = viewer_of(home, role=Role.MANAGEMENT)
    totals = {one["state"]: one["cents"] for one in queries.totals(viewer.principal, viewer.copy, "2021-02")}
    # 6,50 to dan, and eve's 20,00 without the 5,00 that came back; flo's first attempt was replaced.
    assert totals == {
        "executed": 650 + 1_500,
        "ordered": 3_109,
        "cancelled": 900,
        "returned": 1_000 + 500,
        "withheld": 100,
    }
    assert sum(totals.values()) == 3_109 + 1_000 + 750 + 2_000 + 900
    page = shown_to(home, Role.MANAGEMENT)
    assert row(page, "total")["cents"] == "105,09\u202f€"  # January's 27,50 too
    assert figures(page) == {
        "executed": "49,00\u202f€",
        "waits_bank": "31,09\u202f€",
        "waits_artist": "10,00\u202f€",
        "waits_allive": "9,00\u202f€",
        "waits_close": "5,00\u202f€",
    }


def test_each_payment_says_its_state_its_reason_and_who_is_next(home: Path) -> None:
    page = shown_to(home, Role.FINANCE)
    bo = row(page, "ALV-2021-02-bo")
    assert bo["state"] == "✗ renvoyé"
    assert bo["reason"] == "Le compte est clos (AC04)"
    assert bo["waits_for"] == "attend l’artiste\xa0: nouvel IBAN"
    assert bo["state_on"] == "10 mars 2021"
    assert row(page, "ALV-2021-02-eve")["state"] == "✗ renvoyé en partie (5,00\u202f€)"
    assert not row(page, "ALV-2021-01-ada"), "it waits for nobody"
    assert not row(page, "ALV-2021-02-ada"), "it waits for the bank, as all do for a day or two"
    page.selectbox[1].select("").run()
    assert row(page, "ALV-2021-02-ada")["state_on"] == "pour le 10 mars 2021"
    assert row(page, "ALV-2021-01-ada")["waits_for"] == "–"
    assert [one.value for one in page.code] == [
        "allive payments reissue 2021-02 flo --why …",
        "allive payments confirm-iban bo --why …",
        "allive payments import FILE",
        "allive payments unhold flo --why …",
        "allive payments dismiss aaaaaaaa:2 --why …",
    ], "bo's IBAN is confirmed by a command that is there already"


def test_one_command_orders_a_month_again(tmp_path: Path) -> None:
    cancelled = [
        worlds.payment(
            artist, "2021-02", 900, "cancelled", waits_for="allive",
            next_command=f"allive payments reissue 2021-02 {artist} --why …",
        )
        for artist in ("ada", "bo")
    ]  # fmt: skip
    page = shown_to(worlds.write_season(tmp_path, payments=cancelled), Role.FINANCE)
    assert [one.value for one in page.code] == ["allive payments reissue 2021-02 ada bo --why …"]


def test_the_filters_leave_one_month_and_one_state(home: Path) -> None:
    page = shown_to(home, Role.FINANCE)
    page.selectbox[0].select("2021-01").run()
    assert row(page, "total")["cents"] == "27,50\u202f€"
    page.selectbox[0].select("2021-02").run()
    page.selectbox[1].select("cancelled").run()
    found = {key for key, _ in cells(page) if key.startswith("ALV-")}
    assert found == {"ALV-2021-02-flo"}


def test_finance_sees_who_is_held_and_why_accounts_and_movements(home: Path) -> None:
    page = shown_to(home, Role.FINANCE)
    assert row(page, "hold-flo")["why"] == "an heir has written"
    assert row(page, "iban-bo-FR14…2606")["reason"] == "Le compte est clos (AC04)"
    assert row(page, "iban-bo-FR14…2606")["next"] == "Demander un autre IBAN, ou confirmer celui-ci"
    assert row(page, "otherwise-0")["means"] == "chèque"
    movement = row(page, "movement-aaaaaaaa:2")
    assert movement["amount_cents"] == "\u22129,99\u202f€"
    assert movement["reason"] == "Le montant n’est pas celui de l’ordre"
    assert movement["movement"] == "aaaaaaaa:2"
    assert "1 autre mouvement du compte ne nomme aucun de nos ordres" in words(page)


def test_balances_are_shown_by_reason_and_age(home: Path) -> None:
    page = shown_to(home, Role.MANAGEMENT)
    # Two months are closed: bo is carried by one of them, flo by both; eve's amount came back since.
    below = row(page, "age-below_minimum")
    assert (below["reason"], below["age_1"], below["total"]) == ("Sous le minimum", "17,53\u202f€", "17,53\u202f€")
    assert not {below.get("age_3"), below.get("pending")} - {None, ""}
    assert row(page, "age-negative")["age_3"] == "\u22120,12\u202f€"
    assert row(page, "age-pending")["pending"] == "5,00\u202f€"
    assert "22,41\u202f€ de soldes pour 3 artistes" in words(page)


@pytest.mark.parametrize("role", [Role.MANAGEMENT, Role.ARTIST])
def test_the_banks_movements_are_finances(home: Path, role: Role) -> None:
    viewer = viewer_of(home, role=role, artist_id="bo")
    with pytest.raises(AccessDeniedError):
        require_finance(viewer.principal)
    for query in QUERIES_OF_FINANCE:
        with pytest.raises(AccessDeniedError):
            query(viewer.principal, viewer.copy)
    for name in FINANCES:
        with pytest.raises(AccessDeniedError):
            find_export(name)(viewer.principal, viewer.copy, {})


def test_management_sees_states_but_no_account_and_no_words_about_a_hold(home: Path) -> None:
    page = shown_to(home, Role.MANAGEMENT)
    assert row(page, "ALV-2021-02-bo")["state"] == "✗ renvoyé"
    said = words(page)
    for secret in ("FR14", "an heir has written", "dismiss", "chèque"):
        assert secret not in said
    assert not page.code


@pytest.mark.parametrize("role", [Role.FINANCE, Role.OPERATOR])
def test_finance_and_operators_have_every_export(home: Path, role: Role) -> None:
    viewer = viewer_of(home, role=role)
    for name in (*FINANCES, "open-balances"):
        assert find_export(name)(viewer.principal, viewer.copy, {}).rows
        assert name in WHOLE_TABLES
    whole = find_export("payments")(viewer.principal, viewer.copy, {})
    month = find_export("payments")(viewer.principal, viewer.copy, {"month": "2021-01"})
    assert (len(whole.rows), len(month.rows)) == (7, 1)


def test_another_artists_payments_stay_their_own(home: Path) -> None:
    viewer = viewer_of(home, role=Role.ARTIST, artist_id="bo")
    for query in (own.payments, own.paid_otherwise, own.held_at):
        with pytest.raises(AccessDeniedError):
            query(viewer.principal, viewer.copy, "ada")
    with pytest.raises(AccessDeniedError):
        find_export("artist-payments")(viewer.principal, viewer.copy, {"artist": "ada"})
    with pytest.raises(AccessDeniedError):
        find_export("payments")(viewer.principal, viewer.copy, {})
    agent = Principal("local", "agent", "Agent", Role.ARTIST, ("bo", "ada"))
    for artist in agent.artist_ids:
        assert {one["end_to_end_id"][-len(artist) :] for one in own.payments(agent, viewer.copy, artist)} == {artist}


def test_an_artist_reads_each_state_of_her_own(home: Path) -> None:
    page = run_page("artist.earnings", viewer_of(home, role=Role.ARTIST, artist_id="ada"))
    said = words(page)
    assert "Ordonné pour février 2021" in said
    assert "Virement ordonné pour le 10 mars 2021\u202f; la banque ne l’a pas encore confirmé." in said
    assert row(page, "payment-2021-01")["state"] == "Virement exécuté par la banque le 10 février 2021."
    # Only January has arrived.
    assert figures(page)["received_cents"] == "27,50\u202f€"
    assert "Et 31,09\u202f€ en cours de virement" in said
    assert "Versé pour" not in said


@pytest.mark.parametrize(
    ("state", "columns", "label", "said"),
    [
        ("executed", {}, "Versé pour février 2021", "Virement exécuté par la banque le 10 mars 2021."),
        (
            "returned",
            {"waits_for": "artist", "reason_fr": "le compte est clos"},
            "Renvoyé par la banque pour février 2021",
            (
                "La banque a renvoyé le virement le 10 mars 2021\xa0: le compte est clos. Donnez-nous un autre IBAN, "
                "ou confirmez-nous celui-ci\xa0: nous pourrons alors vous payer cette somme."
            ),
        ),
        (
            "returned",
            {"waits_for": "close", "reason_fr": None},
            "Renvoyé par la banque pour février 2021",
            (
                "La banque a renvoyé le virement le 10 mars 2021. La somme est dans votre solde, et la prochaine "
                "clôture la reprend\u202f; vous n’avez rien à faire."
            ),
        ),
        (
            "partly_returned",
            {"returned_cents": 400, "reason_fr": None},
            "Renvoyé en partie pour février 2021",
            "La banque a renvoyé 4,00\u202f€ le 10 mars 2021.",
        ),
        (
            "cancelled",
            {"waits_for": "allive", "reason_fr": None},
            "Virement à refaire pour février 2021",
            (
                "Le virement a été annulé le 10 mars 2021, avant son exécution. Nous nous en occupons\u202f; vous "
                "n’avez rien à faire."
            ),
        ),
        (
            "given_back",
            {},
            "Virement annulé pour février 2021",
            "Le virement a été annulé le 10 mars 2021, et la somme est revenue à votre solde.",
        ),
        ("unordered", {}, "Dû pour février 2021, pas encore ordonné", "Le virement n’est pas encore parti."),
        (
            "executed",
            {"withheld_cents": 100, "ordered_cents": 900},
            "Versé pour février 2021",
            (
                "Virement exécuté par la banque le 10 mars 2021. 9,00\u202f€ de virement, 1,00\u202f€ retenus comme la "
                "loi le demande."
            ),
        ),
    ],
)
def test_the_words_follow_the_facts(state: str, columns: dict[str, Any], label: str, said: str) -> None:
    texts = Texts("earnings", Language.FRENCH)
    payment = {"waits_for": None, **worlds.payment("ada", "2021-02", 1_000, state), **columns}
    month = worlds.payout("ada", "2021-02", pool=1_000, paid_cents=1_000) | {"payment_date": date(2021, 3, 10)}
    card = payment_card(texts, month, payment, is_held=False)
    assert (card.label, card.note) == (label, said)
    held = payment_card(texts, month, payment, is_held=True).note
    assert ("Vos paiements sont suspendus" in held) == (columns.get("waits_for") is not None)
    received = {"executed": payment["ordered_cents"], "partly_returned": 600}.get(state, 0)
    assert total_card(texts, [payment], []).value == f"{received // 100},00\u202f€"


def test_a_payment_that_the_register_lacks_is_never_said_to_be_paid() -> None:
    month = worlds.payout("ada", "2021-02", pool=1_000, paid_cents=1_000) | {"payment_date": date(2021, 3, 10)}
    card = payment_card(Texts("earnings", Language.FRENCH), month, None, is_held=False)
    assert card.label == "Ordonné pour février 2021"
    assert statement_note(Texts("statements", Language.FRENCH), month, None) == "10,00\u202f€ ordonnés"


def test_a_reason_of_an_authority_is_not_read_by_the_artist(home: Path) -> None:
    viewer = viewer_of(home, role=Role.ARTIST, artist_id="eve")
    (payment,) = own.payments(viewer.principal, viewer.copy, "eve")
    assert (payment["reason_fr"], payment["reason_en"]) == (None, None)


def test_a_held_artist_reads_that_payments_are_held_but_not_the_operators_words(home: Path) -> None:
    said = words(run_page("artist.earnings", viewer_of(home, role=Role.ARTIST, artist_id="flo")))
    assert "Vos paiements sont suspendus depuis le 12 mars 2021" in said
    assert "heir" not in said
    dan = words(run_page("artist.earnings", viewer_of(home, role=Role.ARTIST, artist_id="dan")))
    assert "Payé autrement le 15 mars 2021 (chèque)." in dan


@pytest.mark.parametrize("language", Language)
def test_every_reason_has_words_on_the_page(language: Language) -> None:
    texts = load_texts("payments", language)
    assert {f"why.{reason}" for reason in UNMATCHED_IN_WORDS} <= set(texts)
    assert {f"carry_reason.{reason}" for reason in CarryReason} <= set(texts)

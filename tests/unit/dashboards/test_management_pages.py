# ruff: noqa: RUF001 - French typography
"""The management pages show the rows they are given, in both languages, and also work on an empty copy."""

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from html import unescape
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from allive.dashboards.access import AccessDeniedError, Role
from allive.dashboards.app_pages.all_exports import find_export
from allive.dashboards.formatting import Language
from allive.dashboards.queries import management
from allive.dashboards.viewer import Viewer
from tests.unit.dashboards.page_runs import run_page, viewer_of
from tests.unit.dashboards.serving_copies import write_home

pytestmark = pytest.mark.slow

PAGES = ("overview", "subscribers", "emerging", "catalogue", "payouts", "payments", "data")
HOUR_MS = 3_600_000
EURO_NANOS = 1_000_000_000


def manager_of(home: Path, language: Language = Language.FRENCH) -> Viewer:
    return viewer_of(home, role=Role.MANAGEMENT, language=language)


def show(page: str, viewer: Viewer) -> AppTest:
    return run_page(f"management.{page}", viewer)


def html_of(test: AppTest) -> str:
    return "".join(element.proto.body for element in test.get("html"))


def headings_of(test: AppTest) -> list[str]:
    return [heading.value for heading in test.subheader]


def cards_of(test: AppTest) -> dict[str, tuple[str, str]]:
    """Cards by key: value and note."""
    found = re.findall(
        r'data-figure="([^"]+)"><span class="al-label">[^<]*</span><span class="al-value">([^<]*)</span>'
        r'(?:<span class="al-note">([^<]*)</span>)?',
        html_of(test),
    )
    return {key: (unescape(value), unescape(note)) for key, value, note in found}


def row_of(test: AppTest, key: str) -> dict[str, str]:
    """A table's row by key: column → text."""
    found = re.search(rf'<tr data-row="{re.escape(key)}">(.*?)</tr>', html_of(test))
    assert found, f"no row {key}"
    cells = re.findall(r'data-column="([^"]+)">(.*?)</t[dh]>', found[1])
    return {name: unescape(re.sub(r"<[^>]*>", "", cell)) for name, cell in cells}


def platform_month(month: str, **figures: Any) -> dict[str, Any]:
    return {
        "month": month,
        "known_until_day": date.fromisoformat(f"{month}-28"),
        "is_complete": True,
        "active_subscribers": 0,
        "active_subscribers_at_start": 0,
        "active_subscribers_at_end": 0,
        "new_subscribers": 0,
        "churned_subscribers": 0,
        "reactivated_subscribers": 0,
        "mrr_incl_vat_cents": 0,
        "mrr_excl_vat_cents": 0,
        "envelope_nanos": 0,
        "watch_ms": 0,
        "counting_watch_ms": 0,
        "watchers": 0,
        "idle_subscribers": 0,
        "playbacks": 0,
        "viewing_sessions": 0,
        "peak_concurrent_playbacks": 0,
        **figures,
    }


FEBRUARY = platform_month(
    "2021-02",
    active_subscribers_at_end=1_000,
    mrr_incl_vat_cents=499_000,
    mrr_excl_vat_cents=415_833,
    watch_ms=2_000 * HOUR_MS,
    counting_watch_ms=1_000 * HOUR_MS,
    watchers=800,
    idle_subscribers=120,
    idle_share_bp=1_200,
    gross_churn_bp=500,
)
MARCH = platform_month(
    "2021-03",
    active_subscribers_at_start=1_000,
    active_subscribers_at_end=1_234,
    new_subscribers=270,
    reactivated_subscribers=14,
    churned_subscribers=50,
    gross_churn_bp=500,
    net_churn_bp=360,
    mrr_incl_vat_cents=615_766,
    mrr_excl_vat_cents=513_138,
    watch_ms=2_500 * HOUR_MS,
    counting_watch_ms=2_000 * HOUR_MS,
    watchers=900,
    idle_subscribers=99,
    idle_share_bp=802,
    peak_concurrent_playbacks=77,
    peak_at=datetime(2021, 3, 26, 20, 30, tzinfo=UTC),
)
APRIL = platform_month("2021-04", is_complete=False, active_subscribers_at_end=1_240, idle_share_bp=5_000)


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in iter_modules(management.__path__, f"{management.__name__}."):
        for name, function in vars(import_module(module.name)).items():
            if inspect.isfunction(function) and function.__module__ == module.name and not name.startswith("_"):
                yield f"{module.name.rpartition('.')[2]}.{name}", function


@pytest.mark.parametrize(("name", "query"), [pytest.param(*one, id=one[0]) for one in functions()])
def test_no_query_answers_an_artist(tmp_path: Path, name: str, query: Callable[..., Any]) -> None:
    artist = viewer_of(write_home(tmp_path), role=Role.ARTIST, artist_id="a-1")
    parameters = list(inspect.signature(query).parameters.values())[2:]
    needed = ["2021-03" for one in parameters if one.default is inspect.Parameter.empty]
    with pytest.raises(AccessDeniedError):
        query(artist.principal, artist.copy, *needed)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("page", PAGES)
def test_an_empty_copy_has_a_designed_page(tmp_path: Path, page: str, language: Language) -> None:
    test = show(page, manager_of(write_home(tmp_path), language))
    assert test.title[0].value
    assert any(":material/" in one.value or "**" in one.value for one in test.markdown) or headings_of(test)


def test_the_overview_compares_with_the_month_before(tmp_path: Path) -> None:
    test = show("overview", manager_of(write_home(tmp_path, fct_platform_months=[FEBRUARY, MARCH, APRIL])))
    assert test.selectbox[0].value == "2021-03", "the newest complete month"
    cards = cards_of(test)
    assert cards["active_subscribers_at_end"] == ("1\u202f234", "+234 par rapport à février 2021")
    assert cards["mrr_incl_vat_cents"][0] == "6\u202f157,66\u202f€"
    assert (
        cards["mrr_incl_vat_cents"][1] == "5\u202f131,38\u202f€ HT · +1\u202f167,66\u202f€ par rapport à février 2021"
    )
    assert cards["watch_ms"] == ("2\u202f500\u00a0h", "+500\u00a0h par rapport à février 2021")
    # 8.02 % after 12 % is four points less, to the tenth.
    assert cards["idle_share_bp"] == ("8\u202f%", "\u22124\u00a0pt par rapport à février 2021")
    assert cards["gross_churn_bp"] == ("5\u202f%", "comme en février 2021")
    assert cards["peak_concurrent_playbacks"][1].startswith("26 mars 2021 à 21:30")
    assert "En mars 2021, 284 abonnés gagnés et 50 perdus\u00a0: 1\u202f234 au total" in headings_of(test)
    assert any("dont 80\u202f% sur des lives éligibles" in one for one in headings_of(test))


def test_the_running_month_is_not_compared(tmp_path: Path) -> None:
    test = show("overview", manager_of(write_home(tmp_path, fct_platform_months=[MARCH, APRIL])))
    test.selectbox[0].select("2021-04").run()
    assert cards_of(test)["active_subscribers_at_end"] == ("1\u202f240", "mois en cours, sans comparaison")


def test_the_first_month_says_that_there_is_none_before(tmp_path: Path) -> None:
    test = show("overview", manager_of(write_home(tmp_path, fct_platform_months=[MARCH]), Language.ENGLISH))
    assert cards_of(test)["watchers"] == ("900", "first known month, nothing to compare with")
    assert 'class="al-spark"' not in html_of(test)


def test_targets_are_compared_in_words(tmp_path: Path) -> None:
    home = write_home(tmp_path, fct_platform_months=[FEBRUARY, MARCH])
    assert "Aucun objectif fixé" in "".join(one.value for one in show("overview", manager_of(home)).markdown)
    (home / "targets.toml").write_text(
        "[at_least]\nwatchers = 900\nwatch_hours = 2501\n[at_most]\nidle_share_bp = 801\n", encoding="utf-8"
    )
    test = show("overview", manager_of(home))
    assert "1 objectif atteint sur 3" in headings_of(test)
    assert row_of(test, "watchers") == {
        "figure": "Spectateurs du mois",
        "value": "900",
        "target": "au moins 900",
        "state": "✓ atteint",
    }
    assert row_of(test, "watch_hours")["state"] == "✗ non atteint"
    assert row_of(test, "idle_share_bp")["state"] == "✗ non atteint"


@pytest.mark.parametrize("text", ["watchers = ", "[at_least]\nnothing = 3\n", '[at_most]\nwatchers = "3"\n', "[x]\n"])
def test_targets_that_cannot_be_read_say_why(tmp_path: Path, text: str) -> None:
    home = write_home(tmp_path, fct_platform_months=[MARCH])
    (home / "targets.toml").write_text(text, encoding="utf-8")
    said = "".join(one.value for one in show("overview", manager_of(home)).markdown)
    assert "Impossible de lire les objectifs" in said
    assert "targets.toml" in said


def test_subscribers_come_and_go_and_cohorts_stay(tmp_path: Path) -> None:
    cohorts = [("2021-02", 0, 200, 200, 10_000), ("2021-02", 1, 200, 151, 7_550), ("2021-03", 0, 270, 270, 10_000)]
    home = write_home(
        tmp_path,
        fct_platform_months=[FEBRUARY, MARCH],
        fct_subscriber_cohorts=[
            {
                "cohort_month": month,
                "months_since": since,
                "subscribers": size,
                "retained_subscribers": kept,
                "retained_bp": bp,
            }
            for month, since, size, kept, bp in cohorts
        ],
    )
    test = show("subscribers", manager_of(home))
    cards = cards_of(test)
    assert cards["new_subscribers"] == ("270", "+270 par rapport à février 2021")
    assert cards["churned_subscribers"][0] == "50"
    assert cards["gross_churn_bp"][0] == "5\u202f%"
    assert cards["net_churn_bp"][0] == "3,6\u202f%"
    assert cards["idle_subscribers"][0] == "99"
    headings = headings_of(test)
    assert "234 abonnés de plus en mars 2021\u00a0: 284 arrivés, 50 partis" in headings
    assert "75,5\u202f% des abonnés arrivés en février 2021 sont encore là un mois plus tard" in headings
    assert "99 abonnés n’ont rien regardé en mars 2021, soit 8\u202f%" in headings
    # The table under the heat map: 151 of the 200 remain after a month.
    assert '<td class="al-number" data-column="1">151</td>' in html_of(test)


def visibility(category: str, **figures: Any) -> dict[str, Any]:
    counted = (
        "watch_ms watchers viewers money_nanos pro_rata_nanos first_discoveries discoveries_per_1000_watchers "
        "observed_discoveries repeated_discoveries artists watched_artists online_lives watched_lives"
    )
    return {"month": "2021-03", "category": category, **dict.fromkeys(counted.split(), 0), **figures}


EMERGING = visibility(
    "emerging",
    watch_ms=30 * HOUR_MS,
    watch_share_bp=1_500,
    money_nanos=400 * EURO_NANOS,
    money_share_bp=4_000,
    pro_rata_nanos=250 * EURO_NANOS,
    pro_rata_share_bp=2_500,
    watchers=600,
    viewers=240,
    reach_bp=4_000,
    first_discoveries=100,
    discoveries_per_1000_watchers=166,
    observed_discoveries=80,
    repeated_discoveries=20,
    repeat_bp=2_500,
    artists=12,
    watched_artists=10,
    gini_bp=5_910,
    hhi_bp=1_380,
    top10_share_bp=9_900,
    online_lives=50,
    watched_lives=36,
    coverage_bp=7_200,
    observed_known_viewers=400,
    known_to_emerging_viewers=109,
    known_to_emerging_bp=2_730,
)


def emerging_home(tmp_path: Path) -> Path:
    known = visibility("known", watch_share_bp=4_500, money_share_bp=0, pro_rata_share_bp=0)
    independent = visibility("independent", watch_share_bp=4_000, money_share_bp=6_000, pro_rata_share_bp=7_500)
    artists = [("a-1", "Zoé", "emerging", 3, 0), ("a-2", "Yann", "emerging", 2, 4), ("a-3", "Xavi", "emerging", 5, 90)]
    unlisted = [("a-4", "Hors ligne", "emerging", 0, 0), ("a-5", "Connue", "known", 4, 0)]
    return write_home(
        tmp_path,
        fct_emerging_visibility=[EMERGING, known, independent],
        fct_category_starts=[
            {"month": "2021-03", "category": "emerging", "surface": "home", "playbacks": 30},
            {"month": "2021-03", "category": "emerging", "surface": "category", "playbacks": 70},
        ],
        dim_artists=[{"artist_id": one[0], "artist_name": one[1]} for one in artists + unlisted],
        fct_artist_visibility=[
            {
                "artist_id": artist_id,
                "month": "2021-03",
                "category": category,
                "online_lives": lives,
                "viewers": viewers,
                "watch_ms": 0,
                "first_discoveries": 0,
                "from_known_viewers": 0,
            }
            for artist_id, _, category, lives, viewers in artists + unlisted
        ],
    )


def test_emerging_artists_are_seen_or_not(tmp_path: Path) -> None:
    test = show("emerging", manager_of(emerging_home(tmp_path)))
    cards = cards_of(test)
    assert cards["watch_share_bp"][0] == "15\u202f%"
    assert cards["money_share_bp"] == ("40\u202f%", "400,00\u202f€")
    assert cards["pro_rata_share_bp"][0] == "25\u202f%"
    assert cards["reach_bp"] == ("40\u202f%", "240 spectateurs sur 600")
    assert cards["repeat_bp"] == ("25\u202f%", "20 découvertes sur 80")
    assert cards["coverage_bp"] == ("72\u202f%", "36 lives sur 50 en ligne")
    assert cards["known_to_emerging_bp"][0] == "27,3\u202f%"
    headings = headings_of(test)
    assert "15\u202f% du temps de visionnage de mars 2021 va aux émergents" in headings
    assert any("40\u202f% de l’argent va aux émergents, contre 25\u202f% au prorata" in one for one in headings)
    assert any("150,00\u202f€ de plus" in one for one in headings)
    assert any(
        "«\u00a0Catégorie\u00a0» est le premier point de départ" in one and one.endswith("70\u202f%")
        for one in headings
    )
    # Three have lives online: one had no viewer, and one had fewer than five.
    assert "2 émergents sur 3 n’ont presque pas été vus en mars 2021" in headings
    assert row_of(test, "a-1")["seen"] == "✗ par personne"
    assert row_of(test, "a-2") | {"viewers": "moins de\u00a05", "seen": "… presque pas"} == row_of(test, "a-2")
    assert row_of(test, "a-3")["seen"] == "✓ vu"
    assert 'data-row="a-4"' not in html_of(test)
    assert 'data-row="a-5"' not in html_of(test)


def test_what_cannot_be_observed_yet_says_so(tmp_path: Path) -> None:
    unobserved = {"observed_discoveries": 0, "repeated_discoveries": 0, "repeat_bp": None}
    unknown = {"observed_known_viewers": 0, "known_to_emerging_viewers": 0, "known_to_emerging_bp": None}
    home = write_home(tmp_path, fct_emerging_visibility=[EMERGING | unobserved | unknown])
    test = show("emerging", manager_of(home))
    assert cards_of(test)["repeat_bp"] == ("–", "les 28 jours ne sont pas encore écoulés")
    assert cards_of(test)["known_to_emerging_bp"] == ("–", "les 7 jours ne sont pas encore écoulés")
    assert "Du connu à l’émergent" in headings_of(test)


def catalogue_home(tmp_path: Path) -> Path:
    lives = [("l-1", "Sous la pluie", None), ("l-2", "Le clip", "not_a_live"), ("l-3", "Trop bref", "too_short")]
    return write_home(
        tmp_path,
        dim_artists=[{"artist_id": "a-1", "artist_name": "Zoé"}, {"artist_id": "a-2", "artist_name": "Yann"}],
        dim_lives=[
            {
                "live_id": live_id,
                "title": title,
                "kind": "clip" if reason == "not_a_live" else "live",
                "duration_s": 5_400,
                "ineligibility_reason": reason,
                "is_countable": reason is None,
            }
            for live_id, title, reason in lives
        ],
        dim_live_credits=[
            {"live_id": "l-1", "artist_id": "a-1", "share_bp": 4_000},
            {"live_id": "l-1", "artist_id": "a-2", "share_bp": 6_000},
            {"live_id": "l-2", "artist_id": "a-1", "share_bp": 10_000},
        ],
        fct_live_months=[
            {"live_id": "l-1", "month": "2021-03", "watch_ms": 12 * HOUR_MS, "viewers": 7, "mean_completion_bp": 5_550}
        ],
    )


def test_the_catalogue_says_why_a_live_does_not_count(tmp_path: Path) -> None:
    test = show("catalogue", manager_of(catalogue_home(tmp_path)))
    assert cards_of(test)["eligible"] == ("1", "sur 3 au catalogue")
    assert row_of(test, "l-1") == {
        "title": "Sous la pluie",
        "artists": "Yann, Zoé",
        "eligibility": "✓ éligible",
        "published_on": "toujours",
        "duration": "1\u00a0h\u00a030\u00a0min",
        "watch_ms": "12\u00a0h\u00a000\u00a0min",
        "viewers": "7",
        "mean_completion_bp": "55,5\u202f%",
    }
    assert row_of(test, "l-2")["eligibility"] == "✗ pas un concert filmé"
    assert row_of(test, "l-3")["artists"] == "–"


def test_the_catalogue_is_filtered_by_artist_and_reason(tmp_path: Path) -> None:
    test = show("catalogue", manager_of(catalogue_home(tmp_path)))
    test.selectbox(key="catalogue_artist").select("a-1").run()
    assert set(re.findall(r'data-row="(l-\d)"', html_of(test))) == {"l-1", "l-2"}
    test.selectbox(key="catalogue_eligibility").select("not_a_live").run()
    assert set(re.findall(r'data-row="(l-\d)"', html_of(test))) == {"l-2"}
    assert "/files/exports/lives.csv?month=2021-03&amp;artist=a-1&amp;eligibility=not_a_live" in html_of(test)
    test.selectbox(key="catalogue_eligibility").select("too_short").run()
    assert "Aucun live ne correspond" in "".join(one.value for one in test.markdown)


CLOSED = {
    "settlement_month": "2021-03",
    "run_hash": "1ae3673d07eaddef",
    "closed_at": datetime(2021, 4, 3, 6, 0, tzinfo=UTC),
    "payment_date": date(2021, 4, 10),
    "periods": 30,
    "idle_periods": 4,
    "envelope_nanos": 30 * EURO_NANOS,
    "envelope_cents": 3_000,
    "direct_nanos": 20 * EURO_NANOS,
    "pool_nanos": 10 * EURO_NANOS,
    "pool_members": 2,
    "earned_cents": 3_000,
    "adjustment_cents": -100,
    "brought_forward_cents": 250,
    "paid_cents": 2_500,
    "paid_artists": 1,
    "carried_forward_cents": 650,
    "minimum_payout_cents": 1_000,
}
PAID = {
    "settlement_month": "2021-03",
    "artist_id": "a-1",
    "artist_name": "Zoé",
    "category": "emerging",
    "direct_nanos": 15 * EURO_NANOS,
    "pool_nanos": 8 * EURO_NANOS + EURO_NANOS // 2,
    "earned_cents": 2_350,
    "adjustment_cents": -100,
    "brought_forward_cents": 250,
    "paid_cents": 2_500,
    "carried_forward_cents": 0,
}
CARRIED = PAID | {
    "artist_id": "a-2",
    "artist_name": "Yann",
    "category": None,
    "direct_nanos": 5 * EURO_NANOS,
    "pool_nanos": EURO_NANOS + EURO_NANOS // 2,
    "earned_cents": 650,
    "adjustment_cents": 0,
    "brought_forward_cents": 0,
    "paid_cents": 0,
    "carried_forward_cents": 650,
    "carry_reason": "below_minimum",
}


def artist_month(artist_id: str, user_centric: int, pro_rata: int, **figures: Any) -> dict[str, Any]:
    return {
        "artist_id": artist_id,
        "settlement_month": "2021-03",
        "category": "emerging",
        "current_earned_nanos": user_centric * EURO_NANOS,
        "current_earned_cents": user_centric * 100,
        "pro_rata_earned_nanos": pro_rata * EURO_NANOS,
        "pro_rata_earned_cents": pro_rata * 100,
        "pending_adjustment_cents": 0,
        **figures,
    }


def payouts_home(tmp_path: Path, **changed: Any) -> Path:
    return write_home(
        tmp_path,
        **{
            "dim_artists": [{"artist_id": "a-1", "artist_name": "Zoé"}, {"artist_id": "a-2", "artist_name": "Yann"}],
            "closed_months": [CLOSED],
            "artist_payouts": [PAID, CARRIED],
            "fct_settlement_months": [
                {
                    "settlement_month": "2021-04",
                    "is_closed": False,
                    "periods": 5,
                    "envelope_nanos": 5 * EURO_NANOS,
                    "direct_nanos": 3 * EURO_NANOS,
                    "pool_nanos": 2 * EURO_NANOS,
                }
            ],
            "fct_artist_months": [
                artist_month("a-1", 20, 12),
                artist_month("a-2", 10, 18, booked_earned_cents=650, adjustment_cents=0, pending_adjustment_cents=-25),
            ],
            **changed,
        },
    )


def payments_home(tmp_path: Path) -> Path:
    payment = {
        "end_to_end_id": "ALV-2021-03-00001",
        "settlement_month": "2021-03",
        "artist_id": "a-1",
        "state": "ordered",
        "paid_cents": 2_500,
        "withheld_cents": 0,
        "ordered_cents": 2_500,
        "returned_cents": 0,
        "withheld_back_cents": 0,
        "waits_for": "bank",
    }
    balance = {"artist_id": "a-2", "balance_cents": 650, "carried_cents": 0, "pending_cents": 650}
    return write_home(tmp_path, payments=[payment], open_balances=[balance])


def test_control_totals_add_up_visibly(tmp_path: Path) -> None:
    test = show("payouts", manager_of(payouts_home(tmp_path)))
    assert test.selectbox[0].value == "2021-03"
    assert "Les 5 totaux de contrôle de mars 2021 concordent" in headings_of(test)
    # 30.00 + 2.50 - 1.00 = 25.00 + 6.50
    assert row_of(test, "payable") == {
        "control": "Gagné + report précédent + régularisations = à payer + reporté",
        "left": "30,00\u202f€ + 2,50\u202f€ \u2212 1,00\u202f€",
        "right": "25,00\u202f€ + 6,50\u202f€",
        "result": "✓ égal",
    }
    assert row_of(test, "2021-03")["run_hash"] == "1ae3673d07ea"
    assert row_of(test, "2021-03")["state"] == "✓ clos"
    assert row_of(test, "2021-03")["closed_at"] == "3 avril 2021 à 08:00"
    assert row_of(test, "2021-04")["state"] == "ouvert"


def test_control_totals_that_do_not_add_up_say_by_how_much(tmp_path: Path) -> None:
    home = payouts_home(tmp_path, closed_months=[CLOSED | {"paid_cents": 2_499, "pool_nanos": 9 * EURO_NANOS}])
    test = show("payouts", manager_of(home))
    assert "✗ 3 totaux de contrôle ne concordent pas" in headings_of(test)
    assert row_of(test, "payable")["result"] == "✗ écart de 0,01\u202f€"
    assert row_of(test, "paid")["result"] == "✗ écart de \u22120,01\u202f€"
    assert row_of(test, "envelopes")["result"] == "✗ écart de 1,00\u202f€"
    assert row_of(test, "carried")["result"] == "✓ égal"


def test_carried_balances_and_pending_adjustments_have_their_reason(tmp_path: Path) -> None:
    test = show("payouts", manager_of(payouts_home(tmp_path)))
    assert row_of(test, "a-2") == {
        "artist": "Yann",
        "reason": "sous le minimum de 10,00\u202f€",
        "carried": "6,50\u202f€",
    }
    assert "1 régularisation en attente, \u22120,25\u202f€ au total" in headings_of(test)
    assert row_of(test, "2021-03-a-2")["pending"] == "\u22120,25\u202f€"
    assert any("1 artiste" in one and "8,00\u202f€" in one for one in headings_of(test)), "8 euros move between artists"


def test_an_open_month_is_an_estimate(tmp_path: Path) -> None:
    test = show("payouts", manager_of(payouts_home(tmp_path)))
    test.selectbox[0].select("2021-04").run()
    said = "".join(one.value for one in test.markdown)
    assert "Avril 2021 n’est pas encore clos" in said
    assert "5,00\u202f€ d’enveloppes, dont 3,00\u202f€ en direct et 2,00\u202f€ au pot commun" in said


def scenarios_home(tmp_path: Path) -> Path:
    # Under the other rule, a-1 gains the amount that a-2 loses, and a-3 becomes a pool member.
    earned = {
        "as_is": {"a-1": 2_000, "a-2": 1_000},
        "pool_rule_direct": {"a-1": 2_300, "a-2": 600, "a-3": 100},
        "envelope_150": {"a-1": 3_000, "a-2": 1_500},
    }
    return payouts_home(
        tmp_path,
        scenarios=[
            {"place": 1, "scenario": "as_is", "kind": "as_is"},
            {"place": 2, "scenario": "pool_rule_direct", "kind": "pool_rule"},
            {"place": 3, "scenario": "envelope_150", "kind": "envelope", "value": 150},
            {"place": 4, "scenario": "pro_rata", "kind": "pro_rata"},
        ],
        what_if_months=[
            {
                "settlement_month": "2021-03",
                "scenario": scenario,
                "with_balances": False,
                "periods": 30,
                "own_envelopes": 2,
                "direct_nanos": sum(artists.values()) * EURO_NANOS // 100 - 10 * EURO_NANOS,
                "pool_nanos": 10 * EURO_NANOS,
                "pool_members": len(artists),
                "earned_cents": sum(artists.values()),
                "paid_cents": sum(artists.values()),
                "paid_artists": len(artists),
            }
            for scenario, artists in earned.items()
        ],
        what_if=[
            {
                "settlement_month": "2021-03",
                "scenario": scenario,
                "artist_id": artist_id,
                "category": "emerging",
                "earned_cents": cents,
                "paid_cents": cents,
            }
            for scenario, artists in earned.items()
            for artist_id, cents in artists.items()
        ],
    )


def test_a_scenario_is_compared_with_the_policy_in_force(tmp_path: Path) -> None:
    test = show("payouts", manager_of(scenarios_home(tmp_path)))
    kinds = test.selectbox(key="payouts_kind").options
    assert kinds == ["le partage du pot commun", "l’enveloppe par abonné"], "only the scenarios computed for the month"
    cards = cards_of(test)
    assert cards["scenario_earned_cents"] == ("30,00\u202f€", "contre 30,00\u202f€ aujourd’hui")
    assert cards["scenario_paid_artists"] == ("3", "contre 2 aujourd’hui")
    assert cards["gaining"] == ("2", "le plus\u00a0: Zoé, +3,00\u202f€")
    assert cards["losing"] == ("1", "le plus\u00a0: Yann, \u22124,00\u202f€")
    assert (
        "Avec un pot commun selon les gains directs, 2 artistes gagneraient plus en mars 2021 et 1 moins"
        in headings_of(test)
    )
    test.selectbox(key="payouts_kind").select("envelope").run()
    assert cards_of(test)["scenario_earned_cents"] == ("45,00\u202f€", "contre 30,00\u202f€ aujourd’hui")
    assert cards_of(test)["losing"] == ("0", "")
    assert "2 abonnements conservent leur propre enveloppe." in "".join(one.value for one in test.markdown)


def test_data_that_did_not_get_through_are_told_in_words(tmp_path: Path) -> None:
    loaded = datetime(2021, 4, 20, 5, 0, tzinfo=UTC)
    home = write_home(
        tmp_path,
        freshness=[{"record_type": "heartbeats", "records": 98, "last_loaded_at": loaded, "last_event_at": None}],
        rejects=[
            {"record_type": "heartbeats", "reason": "missing_live_id", "rejects": 2, "last_loaded_at": loaded},
            {"record_type": "lives", "reason": "something_new", "rejects": 1},
        ],
        held_batches=[
            {
                "batch": "b-7",
                "record_type": "lives",
                "reason": "x",
                "found": "7 % rejets",
                "records": 9,
                "held_at": loaded,
            }
        ],
        checks=[
            {"name": "one", "status": "pass", "severity": "error", "failures": 0},
            {"name": "two", "asset": "fct_x", "status": "warn", "severity": "warn", "failures": 3},
        ],
    )
    test = show("data", manager_of(home))
    assert row_of(test, "heartbeats-missing_live_id")["reason"] == "champ «\u00a0live_id\u00a0» manquant"
    assert row_of(test, "lives-something_new") | {"reason": "something_new", "loaded": "–"} == row_of(
        test, "lives-something_new"
    )
    assert row_of(test, "heartbeats")["loaded"] == "20 avril 2021 à 07:00"
    assert row_of(test, "b-7")["found"] == "7 % rejets"
    assert row_of(test, "two")["state"] == "… avertissement"
    headings = headings_of(test)
    assert "1 contrôle en échec sur 2" in headings
    assert "3 lignes rejetées sur 101 reçues" in headings
    # The orchestrator and the orders are for operators: no one else sees links to them.
    assert not any(path in html_of(test) for path in ("/operations/", "/orders"))
    operator = html_of(show("data", viewer_of(home, role=Role.OPERATOR)))
    assert all(f'href="{path}"' in operator for path in ("/operations/", "/orders"))


def test_the_latest_validations_are_linked_once_there_are_any(tmp_path: Path) -> None:
    home = write_home(tmp_path)
    link = 'href="/files/data-docs/index.html"'
    assert link not in html_of(show("data", manager_of(home)))
    docs = tmp_path / "serving" / "data_docs"
    docs.mkdir()
    (docs / "index.html").touch()
    assert link in html_of(show("data", manager_of(home)))
    assert "Voir les derniers contrôles des livraisons" in html_of(show("data", manager_of(home)))


def test_what_keeps_a_month_from_closing_is_named(tmp_path: Path) -> None:
    month = {"settlement_month": "2021-04", "is_closed": False, "periods": 3, "envelope_nanos": 3 * EURO_NANOS}
    amounts = {"direct_nanos": 2 * EURO_NANOS, "pool_nanos": EURO_NANOS, "pool_members": 1, "idle_periods": 1}
    blockers = [
        {"settlement_month": "2021-04", "reason": "credit_shares_not_10000", "subject_id": "live-7", "found": 9_000},
        {"settlement_month": "2021-05", "reason": "artist_unknown", "subject_id": "art-9", "found": 1},
    ]
    home = write_home(tmp_path, fct_settlement_months=[month | amounts], fct_close_blockers=blockers)
    test = show("payouts", manager_of(home))
    assert "1 problème empêche de clore avril 2021" in headings_of(test)
    assert row_of(test, "credit_shares_not_10000-live-7") == {
        "subject": "live-7",
        "reason": "live regardé dont les parts totalisent 9\u202f000 points de base au lieu de 10\u202f000",
    }
    free = write_home(tmp_path / "free", fct_settlement_months=[month | amounts])
    assert "Rien dans les données n’empêche de clore avril 2021" in headings_of(show("payouts", manager_of(free)))


def test_unusual_days_are_named(tmp_path: Path) -> None:
    days = [
        {"day": date(2021, 3, 1), "watch_ms": HOUR_MS, "playbacks": 4, "usual_watch_ms": HOUR_MS},
        {"day": date(2021, 3, 2), "watch_ms": 0, "playbacks": 0, "usual_watch_ms": None, "is_out_of_band": False},
        {
            "day": date(2021, 3, 3),
            "watch_ms": HOUR_MS,
            "playbacks": 1,
            "usual_watch_ms": 4 * HOUR_MS,
            "is_out_of_band": True,
        },
    ]
    test = show("data", manager_of(write_home(tmp_path, fct_watch_days=days)))
    assert "2 jours de visionnage inhabituels" in headings_of(test)
    assert row_of(test, "2021-03-03")["usual_watch_ms"] == "4\xa0h\xa000\xa0min"
    assert row_of(test, "2021-03-02")["usual_watch_ms"] == "–"
    assert 'data-row="2021-03-01"' not in html_of(test)


def player_day(device: str, app_version: str, **figures: object) -> dict[str, object]:
    """A player on 20 April 2021, used by eight people for ten hours."""
    return {
        "day": date(2021, 4, 20),
        "device": device,
        "app_version": app_version,
        "started_playbacks": 100,
        "single_heartbeat_playbacks": 0,
        "heartbeats": 1_000,
        "playing_heartbeats": 1_000,
        "unpositioned_heartbeats": 0,
        "tied_heartbeats": 0,
        "frozen_ms": 0,
        "uncounted_ms": 0,
        "outrunning_heartbeats": 0,
        "watch_ms": 10 * HOUR_MS,
        "watchers": 8,
        "unsubscribed_watchers": 0,
        "two_device_watchers": 0,
        "delivered_heartbeats": 900,
        "rejects": 0,
    } | figures


def players_home(tmp_path: Path, **rows: Any) -> Path:
    sign = {"span": "latest", "first_day": date(2021, 4, 18), "last_day": date(2021, 4, 20)}
    sparse = sign | {"sign": "player_sparse_heartbeats", "found": 10 * HOUR_MS, "among": 20 * HOUR_MS}
    return write_home(
        tmp_path,
        fct_player_health=[
            player_day("web", "", watch_ms=50 * HOUR_MS, unsubscribed_watchers=4, two_device_watchers=0),
            player_day("ios", "ios 4.2.1", uncounted_ms=10 * HOUR_MS, rejects=100),
            player_day("ios", "ios 4.2.1", day=date(2021, 4, 14), uncounted_ms=10 * HOUR_MS),
            player_day("ios", "ios 4.2.1", day=date(2021, 4, 13), uncounted_ms=990 * HOUR_MS),
            player_day("tv", "tv 3.0", watchers=4, frozen_ms=HOUR_MS),
            player_day("", "", watchers=0, watch_ms=0, rejects=35, delivered_heartbeats=0),
            player_day("android", "2", watchers=10, unsubscribed_watchers=5, two_device_watchers=10, watch_ms=1),
        ],
        fct_player_signs=[
            sparse | {"device": "ios", "app_version": "ios 4.2.1"},
            sparse | {"device": "ios", "app_version": "ios 4.2.1", "span": "2021-04"},
            sparse | {"device": "tv", "app_version": "tv 3.0"},
        ],
        **rows,
    )


def test_players_that_report_badly_are_named_with_what_it_costs(tmp_path: Path) -> None:
    home = players_home(tmp_path)
    test = show("data", manager_of(home))
    assert "Lecteurs vidéo\xa0: 1 anomalie" in headings_of(test)
    assert row_of(test, "ios-ios 4.2.1-player_sparse_heartbeats") == {
        "player": "iOS 4.2.1",
        "share": "50\u202f%",
        "sign": "Signaux trop espacés",
    }
    cost = "si l’application n’en envoie qu’un par minute, la moitié du visionnage n’est comptée pour aucun artiste"
    assert sum(cost in text.value for text in test.markdown) == 2
    # 20 h of 40 h on the seven days; the eighth day does not count. 100 of 1,900 delivered heartbeats were rejected.
    ios = row_of(test, "player-ios-ios 4.2.1")
    assert (ios["sparse_bp"], ios["frozen_bp"], ios["rejects_bp"]) == ("50\u202f%", "0\u202f%", "5,3\u202f%")
    shown = re.findall(r'data-row="player-([^"]*)"', html_of(test))
    assert shown == ["ios-ios 4.2.1", "web-", "android-2"]


def test_few_people_are_not_told_by_their_player(tmp_path: Path) -> None:
    home = players_home(tmp_path)
    test = show("data", manager_of(home))
    assert "tv 3.0" not in html_of(test)
    assert row_of(test, "player-web-")["unsubscribed_bp"] == "moins de 5 personnes"
    assert row_of(test, "player-web-")["two_devices_bp"] == "0\u202f%"
    android = row_of(test, "player-android-2")
    assert (android["unsubscribed_bp"], android["two_devices_bp"]) == ("50\u202f%", "100\u202f%")
    viewer = manager_of(home)
    for name in ("player-days", "player-signs"):
        table = find_export(name)(viewer.principal, viewer.copy, {})
        assert "tv" not in {row[table.columns.index("device")] for row in table.rows}
        # Only shares: a total minus the other counts would reveal the watching of a few people.
        assert not [
            column for column in table.columns if column.endswith(("_ms", "playbacks", "watchers", "heartbeats"))
        ]


def test_players_without_a_fault_are_said_to_be_well(tmp_path: Path) -> None:
    test = show("data", manager_of(write_home(tmp_path, fct_player_health=[player_day("web", "")])))
    assert "Lecteurs vidéo\xa0: aucune anomalie" in headings_of(test)
    none = show("data", manager_of(write_home(tmp_path / "none")))
    assert "Lecteurs vidéo" in headings_of(none)


def test_rejects_come_with_the_command_that_shows_them(tmp_path: Path) -> None:
    rejects = [
        {"record_type": "heartbeats", "reason": "missing_live_id", "rejects": 2},
        {"record_type": "lives", "reason": "malformed", "rejects": 1},
    ]
    test = show("data", manager_of(write_home(tmp_path, rejects=rejects)))
    (command,) = [block.value for block in test.code]
    assert command.splitlines() == [
        "allive rejects list",
        "allive rejects list --type heartbeats --reason missing_live_id",
        "allive rejects show --type heartbeats --reason missing_live_id",
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_table_leads_to_one(tmp_path: Path, page: str) -> None:
    rows = {"fct_platform_months": [MARCH], "checks": [{"name": "x", "status": "pass"}]}
    homes = {
        "emerging": emerging_home,
        "catalogue": catalogue_home,
        "payouts": scenarios_home,
        "payments": payments_home,
        "data": partial(players_home, **rows),
    }
    home = homes[page](tmp_path) if page in homes else write_home(tmp_path, **rows)
    viewer = manager_of(home, Language.ENGLISH)
    links = re.findall(r'href="/files/exports/([a-z-]+)\.csv(?:\?([^"]*))?"', html_of(show(page, viewer)))
    assert links
    for name, query in links:
        parameters = dict(part.split("=") for part in unescape(query).split("&") if part)
        table = find_export(name)(viewer.principal, viewer.copy, parameters)
        assert table.columns
        artist = viewer_of(home, role=Role.ARTIST, artist_id="a-1")
        with pytest.raises(AccessDeniedError):
            find_export(name)(artist.principal, artist.copy, parameters)

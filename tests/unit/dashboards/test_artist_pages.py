"""The artist pages show the copy's figures, have a text for every state, and hide groups under five."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allive.dashboards.access import Role
from allive.dashboards.formatting import Language
from allive.dashboards.small_groups import part_of, parts
from tests.unit.dashboards import artist_worlds as worlds
from tests.unit.dashboards.page_reading import cells, charts, figures, marked, words
from tests.unit.dashboards.page_runs import run_page, viewer_of
from tests.unit.dashboards.serving_copies import write_home

pytestmark = pytest.mark.slow

TYPEWRITER = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2019": "'", "\u2212": "-", "\u2013": "-"})
PAGES = ("earnings", "lives", "audience", "statements")
ARTISTS = ("ada", "bo", "cleo", "dan", "eve", "flo", "nobody")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.write_season(tmp_path_factory.mktemp("season"))


def show(home: Path, page: str, artist_id: str | None, language: Language = Language.FRENCH) -> AppTest:
    viewer = viewer_of(home, role=Role.ARTIST, artist_id=artist_id, language=language)
    return run_page(f"artist.{page}", viewer)


def plain(text: str) -> str:
    """The text with ASCII apostrophes and plain spaces, to compare with the strings in this file."""
    return text.translate(TYPEWRITER)


def plain_words(page: AppTest) -> str:
    return plain(words(page))


def told(page: AppTest) -> dict[str, str]:
    return {key: plain(value) for key, value in figures(page).items()}


def row(page: AppTest, key: str) -> dict[str, str]:
    return {column: plain(text) for (row, column), text in cells(page).items() if row == key}


@pytest.mark.parametrize(
    ("artist_id", "language"),
    [*((artist_id, Language.FRENCH) for artist_id in ARTISTS), *((name, Language.ENGLISH) for name in ("ada", "cleo"))],
)
@pytest.mark.parametrize("page", PAGES)
def test_every_state_has_a_page_that_says_how_old_it_is(
    home: Path, page: str, artist_id: str, language: Language
) -> None:
    shown = show(home, page, artist_id, language)
    assert shown.title[0].value
    assert ("Données au 20 mars 2021" if language is Language.FRENCH else "20 March 2021") in plain_words(shown)
    assert all(chart.specification["description"] for chart in charts(shown))


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_shown_without_an_artist(home: Path, page: str) -> None:
    assert "Aucun artiste" in plain_words(show(home, page, None))


@pytest.mark.parametrize("page", PAGES)
def test_an_id_that_the_catalogue_lacks_is_kindly_awaited(home: Path, page: str) -> None:
    shown = plain_words(show(home, page, "nobody"))
    assert "Votre fiche artiste arrive" in shown
    assert "nobody" in shown


@pytest.mark.parametrize("page", PAGES)
def test_names_are_text_never_markup(home: Path, page: str) -> None:
    assert r"Ada & the \*Stars\*" in plain_words(show(home, page, "ada"))


@pytest.mark.parametrize("page", PAGES)
def test_who_has_left_is_told_that_everything_stays(home: Path, page: str) -> None:
    assert "quitté Allive le 10 février 2021" in plain_words(show(home, page, "dan"))


# Earnings: ada was paid 31,09 € for February: 24,00 + 7,50 earned, minus 0,41 corrected for January.
def test_booked_figures_are_those_of_the_closed_months(home: Path) -> None:
    shown = show(home, "earnings", "ada")
    assert told(shown)["paid_cents"] == "31,09 €"
    assert told(shown)["earned_cents"] == "31,50 €"
    february = row(shown, "2021-02")
    assert {
        "paid_cents": "31,09 €",
        "carried_forward_cents": "0,00 €",
        "direct_cents": "24,00 €",
        "pool_cents": "7,50 €",
        "earned_cents": "31,50 €",
        "adjustment_cents": "-0,41 €",
        "brought_forward_cents": "0,00 €",
        "carry_reason": "-",
    }.items() <= february.items()
    assert row(shown, "2021-01")["paid_cents"] == "27,50 €"
    assert row(shown, "total")["paid_cents"] == "58,59 €"


def test_the_running_month_is_an_estimate_and_says_why_it_moved(home: Path) -> None:
    shown = show(home, "earnings", "ada")
    assert told(shown)["current_earned_cents"] == "21,34 €"
    assert told(shown)["current_direct_cents"] == "12,34 €"
    assert told(shown)["current_pool_cents"] == "9,00 €"
    text = plain_words(shown)
    assert "Mars 2021, en cours : 21,34 € pour l'instant" in text
    assert "**Estimation.**" in text
    # The move counts from the 19th, not the 18th: 11,00 + 9,50 → 12,34 + 9,00, and two hours more.
    assert "+0,84 € depuis le 19 mars 2021" in text
    assert "vos lives ont été regardés 2 h 00 min de plus : +1,34 € venus de vos abonnés" in text
    assert "le pot commun a diminué" in text
    assert "-0,50 € pour votre part" in text


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((100, 50, 5), (90, 50, 6), "mais vos abonnés ont passé encore plus de temps sur d'autres artistes : -0,10 €"),
        ((100, 50, 5), (90, 50, 5), "leur euro se partage davantage : -0,10 €"),
        ((100, 50, 5), (110, 50, 5), "la part de vos lives dans l'euro de vos abonnés a augmenté : +0,10 €"),
        ((100, 50, 5), (90, 50, 4), "des visionnages ou des abonnements ont été corrigés : -0,10 €"),
        ((100, 50, 5), (100, 60, 5), "le pot commun a grandi"),
        ((100, 50, 5), (100, 50, 5), "Rien n'a bougé depuis le 19 mars 2021"),
    ],
)
def test_each_move_has_its_reason(
    tmp_path: Path, before: tuple[int, int, int], now: tuple[int, int, int], said: str
) -> None:
    days = {19: before, 20: now}
    home = write_home(
        tmp_path,
        dim_artists=[{"artist_id": "ada", "artist_name": "Ada", "latest_category": "emerging"}],
        fct_settlement_months=[worlds.settlement_month("2021-03", is_closed=False)],
        fct_artist_months=[worlds.artist_month("ada", "2021-03", direct=now[0], pool=now[1])],
        estimates=[
            worlds.estimate("ada", day, direct=direct, pool=pool, watch_ms=hours * worlds.HOUR_MS)
            for day, (direct, pool, hours) in days.items()
        ],
    )
    shown = show(home, "earnings", "ada")
    assert said in plain_words(shown)
    # Nothing is closed yet: no booked figure and no statement, only an estimate.
    assert set(told(shown)) == {"current_earned_cents", "current_direct_cents", "current_pool_cents"}
    assert "Votre premier mois est en cours" in plain_words(shown)


def test_a_first_estimate_has_no_day_before(tmp_path: Path) -> None:
    home = write_home(
        tmp_path,
        dim_artists=[{"artist_id": "ada", "artist_name": "Ada", "latest_category": "emerging"}],
        fct_settlement_months=[worlds.settlement_month("2021-03", is_closed=False)],
        fct_artist_months=[worlds.artist_month("ada", "2021-03", direct=5)],
        estimates=[worlds.estimate("ada", 20, direct=5, pool=0, watch_ms=1)],
    )
    assert "dès la prochaine mise à jour" in plain_words(show(home, "earnings", "ada"))


@pytest.mark.parametrize(
    ("reason", "why", "short"),
    [
        ("below_minimum", "Un virement part dès 10,00 €", "sous 10,00 €"),
        ("no_iban", "Nous n'avons pas encore votre IBAN", "IBAN manquant"),
        ("bad_iban", "Votre IBAN semble contenir une erreur", "IBAN à vérifier"),
        ("not_sepa", "Donnez-nous l'IBAN d'un compte de la zone SEPA", "compte hors zone SEPA"),
        ("held", "Nous avons suspendu vos paiements", "paiements suspendus"),
        ("returned", "Donnez-nous un autre IBAN, ou confirmez-nous celui-ci", "virement renvoyé par la banque"),
        ("iban_undated", "Confirmez-nous le bon", "IBAN à confirmer"),
        ("iban_changed", "nous attendons dix jours", "IBAN de moins de 10 jours"),
    ],
)
def test_what_waits_says_why(tmp_path: Path, reason: str, why: str, short: str) -> None:
    home = write_home(
        tmp_path,
        dim_artists=[{"artist_id": "bo", "artist_name": "Bo", "latest_category": "emerging"}],
        closed_months=[worlds.closed_month("2021-02", date(2021, 3, 10))],
        artist_payouts=[
            worlds.payout("bo", "2021-02", pool=750, carried_forward_cents=750, carry_reason=reason),
        ],
    )
    shown = show(home, "earnings", "bo")
    assert told(shown)["carried_forward_cents"] == "7,50 €"
    assert "Gardé pour vous après février 2021" in plain_words(shown)
    assert why in plain_words(shown)
    assert row(shown, "2021-02")["carry_reason"] == short


def test_a_negative_balance_and_an_empty_month_are_said_gently(home: Path) -> None:
    shown = show(home, "earnings", "flo")
    text = plain_words(shown)
    assert told(shown)["carried_forward_cents"] == "-0,12 €"
    assert "Vous n'avez rien à faire" in text
    assert "Rien n'a été gagné en février 2021" in text


def test_a_transfer_to_come_is_announced(tmp_path: Path) -> None:
    home = write_home(
        tmp_path,
        published_at=datetime(2021, 3, 5, tzinfo=UTC),
        dim_artists=[{"artist_id": "ada", "artist_name": "Ada", "latest_category": "emerging"}],
        closed_months=[worlds.closed_month("2021-02", date(2021, 3, 10))],
        artist_payouts=[worlds.payout("ada", "2021-02", direct=2_000, paid_cents=2_000)],
    )
    assert "Virement ordonné pour le 10 mars 2021" in plain_words(show(home, "earnings", "ada"))


def test_the_euro_is_explained_with_her_own_numbers(home: Path) -> None:
    text = plain_words(show(home, "earnings", "ada"))
    assert "D'où viennent les 31,50 € gagnés en février 2021" in text
    # 24,00 € from 60 subscribers: 40 cents each from an envelope of 1 €.
    assert "l'euro de 60 abonnés" in text
    assert "0,40 € par abonné en moyenne, comme si chacun vous avait donné 40 % de son temps" in text
    assert "30,00 € ÷ 4 = 7,50 €" in text
    assert "Régularisation (janvier 2021)" in text


def test_fewer_than_five_subscribers_are_not_counted_out(home: Path) -> None:
    shown = show(home, "earnings", "bo")
    assert "l'euro de moins de 5 abonnés" in plain_words(shown)
    assert "0,03 € de vos abonnés" in plain_words(shown)
    assert row(show(home, "earnings", "ada"), "l2")["paying_subscribers"] == "moins de 5"


def test_pro_rata_stands_beside(home: Path) -> None:
    shown = show(home, "earnings", "ada")
    assert "Au prorata, vous auriez gagné 2,50 € de moins en février 2021" in plain_words(shown)
    assert row(shown, "2021-02")["pro_rata_earned_cents"] == "29,00 €"
    assert row(shown, "2021-02")["difference"] == "-2,50 €"


def test_a_known_artist_reads_what_they_give(home: Path) -> None:
    shown = show(home, "earnings", "cleo")
    assert told(shown) == {"current_to_pool_cents": "123,45 €"}
    assert "Ce que votre public apporte aux autres artistes en février 2021" in plain_words(shown)
    assert "Pas de relevé à établir" in plain_words(show(home, "statements", "cleo"))


def test_the_first_month_is_prepared(home: Path) -> None:
    assert "Votre premier mois se prépare" in plain_words(show(home, "earnings", "eve"))
    assert "Votre premier live arrive" in plain_words(show(home, "lives", "eve"))
    assert "Votre public arrive" in plain_words(show(home, "audience", "eve"))
    assert "Votre premier relevé se prépare" in plain_words(show(home, "statements", "eve"))


def test_the_bars_are_the_booked_cents_and_the_estimate(home: Path) -> None:
    (chart,) = charts(show(home, "earnings", "ada"))
    (values,) = chart.datasets
    assert [row["value"] for row in values] == [2_000, 750, 2_400, 750, 1_234, 900]
    assert [row["is_mark"] for row in values] == [False] * 4 + [True] * 2


# Lives
def test_lives_are_told_by_month(home: Path) -> None:
    shown = show(home, "lives", "ada")
    assert told(shown)["watch_ms"] == "12 h 00 min"
    shown.selectbox(key="lives_month_ada").select("2021-02").run()
    assert told(shown)["watch_ms"] == "21 h 00 min"
    first = row(shown, "l1")
    assert (first["viewers"], first["mean_completion_bp"], first["city"]) == ("60", "62,5 %", "Lyon")
    few = row(shown, "l2")
    assert (few["viewers"], few["mean_completion_bp"]) == ("moins de 5", "-")
    assert few["is_countable"] == "non, moins de 30 minutes"


def test_the_retention_curve_stops_before_a_small_group(home: Path) -> None:
    shown = show(home, "lives", "ada")
    values = max(charts(shown)[0].datasets, key=len)
    # 100 started; five are left at minute 7, four at minute 8.
    assert [(point["minute"], point["share"]) for point in values][-1] == (7, 0.05)
    assert "La moitié des lectures dépassent la minute 2" in plain_words(shown)
    assert "il reste moins de cinq lectures" in plain_words(shown)


def test_one_viewer_sees_no_curve_and_no_origin(home: Path) -> None:
    shown = show(home, "lives", "flo")
    assert row(shown, "l3")["viewers"] == "moins de 5"
    assert charts(shown) == []
    assert "Pas assez de lectures pour une courbe" in plain_words(shown)
    assert "leur origine n'est pas communiquée" in plain_words(shown)


def test_small_origins_are_hidden_with_the_next_one(home: Path) -> None:
    # 70 home, 21 search, 7 external, 2 unknown: the 2 could be computed as 100 minus the others.
    shown = show(home, "lives", "ada")
    (bars,) = charts(shown)[1].datasets
    assert [(plain(bar["name"]), bar["value"]) for bar in bars] == [("L'accueil", 70), ("La recherche", 21)]
    assert "un lien extérieur, origine inconnue" in plain_words(shown)


# Audience
def test_the_audience_is_that_of_the_last_complete_month(home: Path) -> None:
    shown = show(home, "audience", "ada")
    assert told(shown) == {
        "viewers": "65",
        "new_viewers": "40",
        "returning_viewers": "25",
        "sole_artist_viewers": "20",
        "share_bp": "25 %",
    }
    assert "15 de plus qu'en janvier 2021" in plain_words(shown)


def test_parts_that_would_tell_a_small_group_are_hidden_together(home: Path) -> None:
    # March: 30 viewers; 3 are new, and 28 watched only her (so 2 did not).
    march = row(show(home, "audience", "ada"), "2021-03")
    assert march["month"] == "mars 2021 (en cours)"
    assert march["viewers"] == "30"
    assert {march[column] for column in ("new_viewers", "returning_viewers", "sole_artist_viewers")} == {"n. c."}


@pytest.mark.parametrize("artist_id", ["bo", "flo"])
def test_fewer_than_five_viewers_are_told_as_such_and_no_more(home: Path, artist_id: str) -> None:
    shown = show(home, "audience", artist_id)
    assert told(shown) == {"viewers": "moins de 5"}
    february = row(shown, "2021-02")
    hidden = ("new_viewers", "returning_viewers", "sole_artist_viewers", "share_bp")
    assert {february[column] for column in hidden} == {"n. c."}
    assert charts(shown) == []


@pytest.mark.parametrize("total", range(40))
def test_no_shown_part_and_no_rest_of_it_is_a_small_group(total: int) -> None:
    for part in range(total + 1):
        shown = part_of(total, part)
        assert shown is None or not {shown, total - shown} & {1, 2, 3, 4}


@pytest.mark.parametrize(
    "numbers", [[a, b, c, d] for a in (0, 1, 4, 9) for b in (0, 2, 5) for c in (0, 3, 30) for d in (0, 1, 6)]
)
def test_what_is_hidden_cannot_be_derived(numbers: list[int]) -> None:
    shown = parts(numbers)
    hidden = [number for number, told in zip(numbers, shown, strict=True) if told is None]
    assert all(told not in {1, 2, 3, 4} for told in shown)
    # A single hidden part could be computed as the total minus the others, so at least two parts are hidden.
    if hidden and any(told for told in shown):
        assert len(hidden) > 1
        assert sum(hidden) >= 5


# Statements
def test_statements_are_linked_by_month_and_summed_by_year(home: Path) -> None:
    shown = show(home, "statements", "ada")
    assert list(marked(shown).links) == [
        "/files/statements/2021-02/ada.pdf",
        "/files/statements/2021-01/ada.pdf",
        "/files/exports/artist-months.csv?artist=ada",
        "/files/exports/artist-payments.csv?artist=ada",
        "/files/exports/artist-lives.csv?artist=ada",
        "/files/exports/artist-audience.csv?artist=ada",
    ]
    assert told(shown) == {
        "earned_cents_2021": "59,00 €",
        "adjustment_cents_2021": "-0,41 €",
        "paid_cents_2021": "58,59 €",
        "carried_forward_cents": "0,00 €",
    }


def test_strange_ids_stay_within_their_link(tmp_path: Path) -> None:
    artist_id = 'a/../b"<i>?x=1'
    home = write_home(
        tmp_path,
        dim_artists=[{"artist_id": artist_id, "artist_name": "X", "latest_category": "emerging"}],
        closed_months=[worlds.closed_month("2021-02", date(2021, 3, 10))],
        artist_payouts=[worlds.payout(artist_id, "2021-02", pool=1_000, paid_cents=1_000)],
        statements=[{"settlement_month": "2021-02", "artist_id": artist_id}],
    )
    links = marked(show(home, "statements", artist_id)).links
    assert "/files/statements/2021-02/a%2F..%2Fb%22%3Ci%3E%3Fx%3D1.pdf" in links


def test_english_says_the_same_figures(home: Path) -> None:
    french, english = (row(show(home, "earnings", "ada", language), "2021-02") for language in Language)
    assert english["paid_cents"] == "€31.09"
    assert set(english) == set(french)

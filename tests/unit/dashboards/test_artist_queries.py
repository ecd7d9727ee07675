"""No artist reads another's figures: every query of the artist pages refuses, and this test finds them all."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import allive.dashboards.queries.artist
from allive.dashboards.access import AccessDeniedError, Principal, Role
from allive.dashboards.app_pages.all_exports import find_export
from allive.dashboards.app_pages.artist import exports
from allive.dashboards.exports import ExportParameterError
from allive.dashboards.queries.artist import artist_names, watching
from allive.dashboards.serving import ServingCopy, current_copy
from allive.ingestion.settings import Settings
from tests.unit.dashboards.artist_worlds import write_season

BO = Principal(issuer="local", subject="bo@allive.example", name="Bo", role=Role.ARTIST, artist_ids=("bo",))
MANAGEMENT = Principal(issuer="local", subject="m@allive.example", name="M", role=Role.MANAGEMENT)


def queries() -> list[Callable[..., Any]]:
    package = allive.dashboards.queries.artist
    modules = [import_module(found.name) for found in walk_packages(package.__path__, f"{package.__name__}.")]
    return [
        function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
        if function is not artist_names
    ]


def ask(query: Callable[..., Any], principal: Principal, copy: ServingCopy, artist_id: str) -> Any:
    # Arguments after the artist, such as a live, belong to another artist too.
    others = list(inspect.signature(query).parameters)[3:]
    return query(principal, copy, artist_id, *("l1" for _ in others))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ServingCopy:
    return current_copy(Settings(home=write_season(tmp_path_factory.mktemp("season"))))


def test_all_queries_are_found() -> None:
    assert len(queries()) >= 12


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.__name__)
def test_another_artist_is_refused(query: Callable[..., Any], copy: ServingCopy) -> None:
    ask(query, MANAGEMENT, copy, "ada")
    with pytest.raises(AccessDeniedError):
        ask(query, BO, copy, "ada")


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.__name__)
def test_a_grant_is_read_each_time(query: Callable[..., Any], copy: ServingCopy) -> None:
    ask(query, BO, copy, "bo")
    withdrawn = Principal(issuer=BO.issuer, subject=BO.subject, name=BO.name, role=Role.ARTIST)
    with pytest.raises(AccessDeniedError):
        ask(query, withdrawn, copy, "bo")


def test_a_live_of_somebody_else_is_empty(copy: ServingCopy) -> None:
    # l1 is only Ada's; l2 is shared.
    assert watching.retention(BO, copy, "bo", "l1") == ()
    assert watching.starts(BO, copy, "bo", "l1") == ()
    assert len(watching.retention(BO, copy, "bo", "l2")) == 1


def test_an_artist_is_offered_their_own_pages_alone(copy: ServingCopy) -> None:
    assert dict(artist_names(BO, copy)) == {"bo": "Bo"}
    assert set(artist_names(MANAGEMENT, copy)) == {"ada", "bo", "cleo", "dan", "eve", "flo"}


def test_quotes_in_an_id_are_text(copy: ServingCopy) -> None:
    forged = "ada' or '1'='1"
    principal = Principal(issuer="local", subject="x", name="X", role=Role.ARTIST, artist_ids=(forged,))
    for query in queries():
        assert not ask(query, principal, copy, forged)


@pytest.mark.parametrize("name", [exports.MONTHS, exports.LIVES, exports.AUDIENCE])
def test_exports_authorize(name: str, copy: ServingCopy) -> None:
    make = find_export(name)
    assert make(BO, copy, {"artist": "bo"}).columns
    with pytest.raises(AccessDeniedError):
        make(BO, copy, {"artist": "ada"})
    with pytest.raises(ExportParameterError):
        make(BO, copy, {})


def test_an_export_hides_small_groups(copy: ServingCopy) -> None:
    months = find_export(exports.MONTHS)(BO, copy, {"artist": "bo"})
    assert dict(zip(months.columns, months.rows[0], strict=True))["paying_subscribers"] is None
    lives = find_export(exports.LIVES)(MANAGEMENT, copy, {"artist": "ada"})
    assert [dict(zip(lives.columns, row, strict=True))["paying_subscribers"] for row in lives.rows] == [58, None]
    seen = find_export(exports.AUDIENCE)(BO, copy, {"artist": "bo"})
    of_bo = dict(zip(seen.columns, seen.rows[0], strict=True))
    assert [of_bo[name] for name in ("viewers", "new_viewers", "returning_viewers", "share_bp")] == [None] * 4


def test_an_export_has_the_booked_figures(copy: ServingCopy) -> None:
    table = find_export(exports.MONTHS)(MANAGEMENT, copy, {"artist": "ada"})
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["settlement_month"], row["paid_cents"], row["adjustment_cents"]) for row in rows] == [
        ("2021-01", 2_750, 0),
        ("2021-02", 3_109, -41),
    ]

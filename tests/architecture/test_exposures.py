"""The exposures of the dbt project: every reader of the warehouse, with the models that its code really reads."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest

from allive.dashboards.addresses import ORDERS
from allive.dashboards.formatting import Language
from allive.dashboards.texts import load_texts
from allive.ingestion.settings import Settings
from allive.orchestration.defs.payouts.months import MARTS_SETTLED_FROM
from allive.orchestration.publishing import PUBLISHED_MARTS
from tests.relations_read import relations_read

PAGES: Final = "dashboards.app_pages"
ARTIST_PAGES: Final = ("earnings", "lives", "audience", "statements")
MANAGEMENT_PAGES: Final = ("overview", "subscribers", "emerging", "catalogue", "payouts", "payments", "data")
FIRST_PAGES: Final = {"earnings", "overview"}
"""The pages that a viewer sees first, at the address `/` (dashboards/streamlit_app.py)."""
READERS: Final = {
    "Closing of a settlement month": ("payouts.closing", "close_month"),
    "Settlement of a month under another policy": ("payouts.simulation.simulating", "simulate"),
    "Serving copy": ("orchestration.publishing.copies", "publish"),
}


@pytest.fixture(scope="session")
def exposures(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {exposure["label"]: exposure for exposure in manifest["exposures"].values()}


def label_of(page: str) -> str:
    return load_texts("shell", Language.FRENCH)[f"page.{page}"]


def declared(manifest: Mapping[str, Any], exposure: Mapping[str, Any]) -> set[str]:
    nodes = [manifest["nodes"][node] for node in exposure["depends_on"]["nodes"]]
    return {f"{node['schema']}.{node['name']}" for node in nodes}


def in_marts(names: Iterable[str]) -> set[str]:
    return {f"marts.{name}" for name in names}


def test_every_reader_has_an_exposure_with_an_owner(exposures: Mapping[str, Mapping[str, Any]]) -> None:
    pages = {label_of(page) for page in (*ARTIST_PAGES, *MANAGEMENT_PAGES)}
    assert exposures.keys() == pages | READERS.keys()
    assert all(exposure["owner"]["name"] and exposure["description"] for exposure in exposures.values())


@pytest.mark.parametrize("page", [*ARTIST_PAGES, *MANAGEMENT_PAGES])
def test_a_page_depends_on_what_it_reads(
    manifest: Mapping[str, Any], exposures: Mapping[str, Mapping[str, Any]], page: str
) -> None:
    if page in ARTIST_PAGES:
        read = relations_read((f"{PAGES}.artist.{page}", "render"), ("dashboards.streamlit_app", "_draw_as_artist"))
    else:
        read = relations_read((f"{PAGES}.management.{page}", "render"))
    assert declared(manifest, exposures[label_of(page)]) == read


@pytest.mark.parametrize("label", READERS)
def test_a_reader_of_the_warehouse_depends_on_what_it_reads(
    manifest: Mapping[str, Any], exposures: Mapping[str, Mapping[str, Any]], label: str
) -> None:
    read = relations_read(READERS[label])
    if label == "Serving copy":
        read |= in_marts(PUBLISHED_MARTS)
    assert declared(manifest, exposures[label]) == read


def test_dagster_orders_a_close_after_all_marts_that_it_reads() -> None:
    assert relations_read(READERS["Closing of a settlement month"]) <= in_marts(MARTS_SETTLED_FROM)


def test_addresses_lead_to_the_page(exposures: Mapping[str, Mapping[str, Any]], tmp_path: Any) -> None:
    root = Settings(home=tmp_path).dashboards_address
    for page in (*ARTIST_PAGES, *MANAGEMENT_PAGES):
        assert exposures[label_of(page)]["url"] == f"{root}/{'' if page in FIRST_PAGES else page}"
    assert exposures["Serving copy"]["url"] == f"{root}/"
    assert exposures["Closing of a settlement month"]["url"] == root + ORDERS

"""The building blocks of pages: data is escaped, and tables say how many rows they leave out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamlit.testing.v1 import AppTest

from allive.dashboards.access import Principal, Role
from allive.dashboards.formatting import Language
from allive.dashboards.layout import STALE_AFTER, is_stale
from allive.dashboards.serving import ServingCopy
from allive.dashboards.viewer import Viewer

HOSTILE = "<script>alert(1)</script>\"'&"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;"
VIEWER = Viewer(
    principal=Principal("local", "a", "a", Role.MANAGEMENT),
    language=Language.FRENCH,
    copy=ServingCopy(path=Path("none"), published_at=datetime(2021, 4, 1, tzinfo=UTC), data_until_at=None),
)


def html_of(script: object, **arguments: object) -> str:
    test = AppTest.from_function(script, kwargs=arguments).run()  # type: ignore[arg-type]
    assert not test.exception
    return "".join(element.proto.body for element in test.get("html"))


def test_cards_escape_all_that_is_given() -> None:
    def script(text):
        from allive.dashboards.layout import Card, cards  # noqa: PLC0415

        cards([Card(label=text, value=text, note=text, key=text, trend=(1, 2), trend_label=text)])

    html = html_of(script, text=HOSTILE)
    assert html.count(ESCAPED) == 5
    assert "<script>" not in html


def test_tables_and_links_escape_all_that_is_given() -> None:
    def script(text, viewer):
        from allive.dashboards.layout import Column, file_link, table  # noqa: PLC0415

        table([Column(text, text), Column("b", text)], [{text: text, "b": text}], caption=text, viewer=viewer)
        file_link(f"/files/{text}", text)

    html = html_of(script, text=HOSTILE, viewer=VIEWER)
    assert "<script>" not in html
    assert ESCAPED in html


def test_a_long_table_says_that_it_is_cut() -> None:
    def script(viewer):
        from allive.dashboards.layout import Column, table  # noqa: PLC0415

        table([Column("a", "A")], [{"a": f"no. {n}"} for n in range(1_234)], caption="All.", viewer=viewer)

    html = html_of(script, viewer=VIEWER)
    assert "100 lignes sur 1\u202f234" in html
    assert "no. 99<" in html
    assert "no. 100<" not in html


def test_a_trend_needs_two_points_and_leaves_gaps_out() -> None:
    def script():
        from allive.dashboards.layout import Card, cards  # noqa: PLC0415

        cards([Card("one", "1", trend=(5,)), Card("gap", "2", trend=(0, None, 10), trend_label="from 0 to 10")])

    html = html_of(script)
    assert html.count("al-spark") == 1
    assert 'role="img" aria-label="from 0 to 10"' in html
    # A strip around two points, over the whole width; y grows downwards, so the smaller value has the larger y.
    assert "polygon(0.0% 86.0%,100.0% 6.0%,100.0% 14.0%,0.0% 94.0%)" in html


def test_a_copy_is_stale_after_a_missed_refresh() -> None:
    assert not is_stale(datetime.now(UTC) - STALE_AFTER + timedelta(minutes=1))
    assert is_stale(datetime.now(UTC) - STALE_AFTER - timedelta(minutes=1))

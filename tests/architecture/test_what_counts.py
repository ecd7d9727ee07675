"""The rules for counting, pool members and the look-back are stated once each; verification has its own statements.

Checked by parsing the sources: a second copy of a rule would drift from the first without a test noticing.
"""

import ast
import re
from pathlib import Path

import pytest

from allive.payouts.simulation.statement import sql
from tests.import_graph import imports, reachable

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "dbt_project" / "macros" / "what_counts.sql"
VERIFICATION = ROOT / "payouts" / "verification"
CHECKS = {VERIFICATION, ROOT / "payouts" / "expectations"}
"""Folders that check results against their own statement of the rules."""
# Each side of a comparison can be a column, a parameter or a setting.
_OPERAND = r"(?:[\w$]+\.)?\$?"
_LOOK_BACK = "the look-back"
TYPED_AGAIN = {
    "a kind of live": r"\bkind\s*(?:=|!=|<>)\s*'(?:live|documentary|clip|studio)'|\bkind\s+(?:not\s+)?in\b",
    "exclusive": r"\b(?:and|or|on|where|when|not)\s+\(?(?:\w+\.)?exclusive\b(?!\s+as\b)|\bexclusive\s*(?:=|is\s+true)",
    "long enough": rf"\bduration_s\s*[<>]=?\s*{_OPERAND}minimum_live_s|\bminimum_live_s\s*[<>]=?|\bduration_s\s*>=",
    "in force on a day": (
        r"\bvalid_from\s*[<>]=?|[<>]=?\s*(?:\w+\.)?valid_from\b"
        r"|\bvalid_until\s*[<>]=?|[<>]=?\s*(?:coalesce\(\s*)?(?:\w+\.)?valid_until\b|\bvalid_until\s+is\s+null\s+or"
    ),
    "a category of the pool": r"\bin\s*\(\s*'(?:emerging|independent)'",
    "a share of the pool": rf"\bshare_bp\s*[<>]=?\s*{_OPERAND}minimum_pool_share_bp|\bminimum_pool_share_bp\s*[<>]=?",
    "online": r"\bpublished_on\s*[<>]=?|[<>]=?\s*(?:\w+\.)?published_on\b",
    "still there": r"\bleft_on\s*[<>]=?|[<>]=?\s*(?:\w+\.)?left_on\b",
    "where a slice goes": r"'known'\s+then\b|\bcategory\s*(?:=|!=|<>)\s*'known'\s+then\b",
    "an envelope by the policy": r"\bleast\(\s*coalesce\(\s*(?:\w+\.)?price_cents",
    _LOOK_BACK: r"add_months\([^)]*look_back_months|\blook_back_months\s*[-+]|[-+]\s*(?:\w+\.)?look_back_months\b",
}


def sources() -> list[Path]:
    """SQL of models, and SQL and Python that read them, without the checks, which repeat the rules on purpose."""
    models = [*(ROOT / "dbt_project" / "models").rglob("*.sql"), *(ROOT / "dbt_project" / "macros").rglob("*.sql")]
    folders = [ROOT / "payouts", ROOT / "orchestration", ROOT / "dashboards"]
    others = [path for folder in folders for ending in ("*.sql", "*.py") for path in folder.rglob(ending)]
    return sorted(path for path in [*models, *others] if path != HOME and not CHECKS & {*path.parents})


def sql_alone(text: str) -> str:
    return re.sub(r"\{#.*?#\}", "", re.sub(r"--[^\n]*", "", text), flags=re.DOTALL)


def without_docstrings(text: str) -> ast.AST:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                docstring.value = ""
    return tree


def sql_in(tree: ast.AST) -> str:
    """The strings of a Python module that look like SQL."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(text for text in texts if re.search(r"\b(?:select|where|join|when)\s+[\w$(]", text))


def typed_again(text: str) -> set[str]:
    return {what for what, pattern in TYPED_AGAIN.items() if re.search(pattern, text, re.IGNORECASE)}


def typed_again_in(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return typed_again(sql_alone(text))
    tree = without_docstrings(text)
    if "simulation" in path.parts:
        return typed_again(ast.unparse(tree))
    return typed_again(sql_in(tree)) | (typed_again(ast.unparse(tree)) & {_LOOK_BACK})


def test_what_counts_is_stated_once() -> None:
    found = {str(path.relative_to(ROOT)): typed_again_in(path) for path in sources()}
    assert len(found) > 200, "the sources have moved"
    again = {file: what for file, what in found.items() if what}
    assert not again, f"use a macro of {HOME.relative_to(ROOT)}, and payouts/look_back.py for the look-back"


def test_the_home_states_all_of_it() -> None:
    text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"\1", sql_alone(HOME.read_text(encoding="utf-8")))
    assert typed_again(text) == set(TYPED_AGAIN) - {_LOOK_BACK}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a kind of live", "where lives.kind = 'live'"),
        ("a kind of live", "when lives.kind not in ('live') then"),
        ("exclusive", "lives.kind and lives.exclusive"),
        ("exclusive", "when not exclusive then 'no'"),
        ("long enough", "and lives.duration_s >= $minimum_live_s"),
        ("long enough", "months.minimum_live_s <= credited.duration_s"),
        ("in force on a day", "watch.event_day >= categories.valid_from"),
        ("in force on a day", "categories.valid_from <= $last_day"),
        ("in force on a day", "day < coalesce(categories.valid_until, date '9999-12-31')"),
        ("in force on a day", "(valid_until is null or valid_until > $last_day)"),
        ("a category of the pool", "category in ('emerging', 'independent')"),
        ("a share of the pool", "credits.share_bp >= $minimum_pool_share_bp"),
        ("a share of the pool", "months.minimum_pool_share_bp <= credited.share_bp"),
        ("online", "or lives.published_on <= $last_day"),
        ("still there", "artists.left_on is null or artists.left_on >= $first_day"),
        ("where a slice goes", "case when category = 'known' then 'pool' else 'direct' end"),
        ("an envelope by the policy", "least(coalesce(delivered.price_cents, $cents), $cents)"),
        ("the look-back", "add_months('months.first_day', '-months.look_back_months')"),
        ("the look-back", "len(closed) - policy.look_back_months"),
    ],
)
def test_each_rule_that_is_typed_again_is_found(what: str, text: str) -> None:
    assert what in typed_again(text)


@pytest.mark.parametrize(
    "text",
    [
        "lives.exclusive as is_exclusive",
        "select live_id, kind, exclusive, duration_s, published_on from lives",
        "lead(valid_from) over (order by valid_from) as valid_until",
        "categories.valid_until is null",
        "lives.duration_s > 0",
        "months.minimum_live_s",
    ],
)
def test_naming_a_column_is_no_rule(text: str) -> None:
    assert not typed_again(text)


@pytest.mark.parametrize("name", ["weights", "sums", "pool_members", "categories"])
def test_simulations_speak_by_the_statement_of_the_models(name: str) -> None:
    """The SQL that runs contains the rules, and they come from the macros: the files themselves do not state them."""
    assert typed_again(sql(name)) >= {"in force on a day"}
    if name != "categories":
        assert {"a kind of live", "exclusive", "long enough"} <= typed_again(sql(name))


def reached_from(package: str) -> set[str]:
    """A package's modules and the project's modules that they import, directly or indirectly."""
    own = {name for name in imports() if name == package or name.startswith(f"{package}.")}
    return own | reachable(imports(), own)


def test_verification_shares_nothing_with_what_it_verifies() -> None:
    stated = {"simulation", "look_back", "policy", "settlement", "run", "bookings", "requests", "preconditions"}
    reached = reached_from("payouts.verification")
    assert len(reached) > 20, "the package has moved"
    assert not {name for name in reached if name.split(".")[:2] in [["payouts", one] for one in stated]}
    for path in VERIFICATION.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "jinja" not in text
        assert HOME.name not in text


def test_simulations_take_nothing_from_verification() -> None:
    its_rooms = ("payouts.verification", "payouts.closed_month", "payouts.user_centric")
    simulation = {name: targets for name, targets in imports().items() if name.startswith("payouts.simulation")}
    assert len(simulation) > 1, "the package has moved"
    assert not {name for targets in simulation.values() for name in targets if name.startswith(its_rooms)}

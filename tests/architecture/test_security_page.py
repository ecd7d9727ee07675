"""docs/security.md names exactly the attacks that tests try."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ATTACKS = tuple(ROOT / "tests" / "e2e" / f"test_{what}_attacks.py" for what in ("dashboard", "orchestrator"))
OTHERS = ROOT / "tests" / "unit" / "dashboards"
# Not an attack: the test stops the service.
NO_ATTACKS = {"test_the_sockets_go_with_the_service"}


def named_tests(*paths: Path) -> set[str]:
    return {
        name
        for path in paths
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_the_page_names_every_attack_and_each_is_tried() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named_tests(*ATTACKS) - NO_ATTACKS <= named
    assert named <= named_tests(*ATTACKS, *OTHERS.glob("test_gate_*.py"))


def test_its_links_lead_somewhere() -> None:
    missing = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if not (ROOT / "docs" / link).exists()]
    assert not missing

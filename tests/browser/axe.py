"""Accessibility violations that axe finds on a page."""

from typing import Any

from playwright.sync_api import Page

from tests.browser.chromium import NODE_MODULES

SERIOUS = {"serious", "critical"}
# Streamlit 1.67 puts the headings of its navigation directly into its list of links and wraps the links in more than
# list items; no setting changes that. Only these two rules are skipped, and only there.
_JUDGED = """
    async () => {
        const isStreamlits = (rule, node) => ['list', 'listitem'].includes(rule.id)
            && document.querySelector(node.target[0])?.closest('[data-testid="stSidebarNav"]');
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.map(rule => ({ ...rule, nodes: rule.nodes.filter(node => !isStreamlits(rule, node)) }));
    }
"""


def violations(page: Page) -> list[str]:
    """Return the serious and critical violations on a page, one line per element."""
    source = (NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    # Evaluated through the browser's debugger, because the page's security policy blocks foreign scripts.
    page.evaluate(f"() => {{ if (!window.axe) {{ {source} }} }}")
    found: list[dict[str, Any]] = page.evaluate(_JUDGED)
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:160]} - {node['failureSummary'][:240]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]

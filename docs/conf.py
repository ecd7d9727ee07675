"""The documentation site (`make docs`): the repository's own pages, with a theme, a search and an index."""

project = "Allive payout warehouse"
author = "Allive"
project_copyright = "Allive"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
# The source directory is the repository, so that links between its pages, and from them to the code, stay as they are.
include_patterns = ["docs/**", "data/README.md", "*.md"]
exclude_patterns = ["docs/conf.py", "build/**", ".venv/**"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
html_theme = "furo"
html_title = "Allive payout warehouse"
html_copy_source = False
html_show_sphinx = False

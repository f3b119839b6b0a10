"""Settings of Sphinx; `make docs` builds the pages."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from nic import __version__

project = "NIC Embeddings"
version = release = __version__

extensions = ["myst_parser"]
# Anchors of headings as repository hosts make them, so that links work in both places.
myst_heading_anchors = 3

# The theme brings its own files: pages load nothing from the network.
html_theme = "furo"
html_title = f"{project} {version}"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Registers the hook that makes the table of contents."""
    app.connect("source-read", add_contents)


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Makes the table of contents from the links of the first page, which stays plain Markdown."""
    if name == app.config.root_doc:
        pages = "\n".join(re.findall(r"\]\(([\w-]+)\.md\)", source[0]))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"

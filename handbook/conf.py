"""Sphinx' settings: Markdown, the look of furo, nothing that a reader's browser must fetch."""

import tomllib

from handbook.sources import ROOT

project = "mlpf-jax"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
copyright = "the authors of mlpf-jax, Apache-2.0"
language = "en"
smartquotes = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "handbook.docstrings"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
default_role = "literal"  # of docstrings: `single` ticks are code here
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
suppress_warnings = ["misc.highlighting_failure"]  # commands with remarks are no language

html_theme = "furo"
html_title = "mlpf-jax"
html_static_path = [str(ROOT / "handbook" / "static")]
html_css_files = ["handbook.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}

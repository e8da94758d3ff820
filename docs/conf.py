"""How the pages of docs/ are built: guides from Markdown, the reference from docstrings, tables from the catalogues."""

from __future__ import annotations

import sys
from pathlib import Path

import kucoin_stream

sys.path.insert(0, str(Path(__file__).parent))

project = "kucoin_stream"
author = "the authors of kucoin_stream"
version = release = kucoin_stream.__version__
html_title = f"{project} {version}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "catalogues"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": False}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False

html_theme = "furo"
html_show_copyright = False
html_copy_source = False
html_permalinks_icon = "#"
html_theme_options = {"footer_icons": [], "navigation_with_keys": True}

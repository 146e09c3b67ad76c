"""The documentation site: pages from this folder, and pages generated from the code.

``uv run --group docs sphinx-build -W docs build/site`` builds it. Warnings are errors, as is any exception in the
tutorial, which is executed.
"""

import logging
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import trialwise  # noqa: E402

logging.getLogger("pytensor").setLevel(logging.WARNING)

project = "trialwise"
author = "the trialwise developers"
copyright = f"2026, {author}"
version = release = trialwise.__version__
html_title = f"trialwise {version}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "equations",  # in this folder, as the next
    "from_the_code",
]
exclude_patterns = ["README.md", "description.md"]
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path: list[str] = []

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90
napoleon_google_docstring = False
napoleon_use_param = False  # parameters documented together stay together
napoleon_use_rtype = False

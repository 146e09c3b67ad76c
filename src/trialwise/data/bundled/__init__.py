"""Small simulated data sets, with known true parameters, that are installed with trialwise."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("alien_flat", "alien_task_sets")
"""Names of the bundled data sets, which the README in this folder describes."""


def bundled(name: str) -> tuple[Trials, pd.DataFrame]:
    """Load a bundled data set and the parameters it was simulated from, a row per participant; see :func:`trialwise.load_data`."""
    import pandas as pd

    from trialwise.data.read import read_long

    with as_file(files(__name__) / name) as folder:
        levels = json.loads((folder / "levels.json").read_text())
        trials = read_long(folder / "trials.csv", levels=levels)
        return trials, pd.read_csv(folder / "true_parameters.csv")

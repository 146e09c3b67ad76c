"""Small data sets that come with trialwise: simulated, so that the true parameters are known."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("alien_flat", "alien_task_sets")
"""The data sets there are; the README beside this file describes them."""


def bundled(name: str) -> tuple[Trials, pd.DataFrame]:
    """A bundled data set and the parameters it was simulated with, a row a participant; see :func:`trialwise.load_data`."""
    import pandas as pd

    from trialwise.data.read import read_long

    with as_file(files(__name__) / name) as folder:
        levels = json.loads((folder / "levels.json").read_text())
        trials = read_long(folder / "trials.csv", levels=levels)
        return trials, pd.read_csv(folder / "true_parameters.csv")

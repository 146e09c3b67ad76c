"""Small simulated data sets, with known true parameters, that are installed with trialwise."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("alien_flat", "alien_task_sets")
"""Names of the bundled data sets, which the README in this folder describes."""


def data_set(name: str) -> tuple[Trials, pd.DataFrame]:
    """Load a bundled data set and the parameters it was simulated from.

    ``alien_flat``: 30 agents of ``QLearning(initial=1.2)``, 440 trials of the alien task each; ``alpha`` from 0 to 0.2,
    ``beta`` from 1 to 5, ``forget`` from 0 to 0.1.

    ``alien_task_sets``: 30 agents of ``TaskSets(initial=1.2)`` in the same task; ``alpha`` and ``alpha_high`` from 0 to 0.2,
    ``beta`` and ``beta_high`` from 1 to 5, ``forget`` and ``forget_high`` from 0 to 0.1: the ranges of the forum thread's lost
    data set.

    Parameters
    ----------
    name
        ``"alien_flat"`` or ``"alien_task_sets"``.

    Returns
    -------
    trials : Trials
        The simulated data of 30 participants.
    true_parameters : DataFrame
        One row per participant: ``participant`` and the true value of each parameter, on the natural scale.

    Raises
    ------
    UsageError
        If there is no data set of that name.

    Examples
    --------
    >>> trials, truth = data_set("alien_flat")
    """
    import pandas as pd

    from trialwise.data.read import read_long

    if name not in NAMES:
        raise UsageError(f"no bundled data set {name!r}; there are: {', '.join(NAMES)}")
    with as_file(files(__name__) / name) as folder:
        levels = json.loads((folder / "levels.json").read_text())
        trials = read_long(folder / "trials.csv", levels=levels)
        return trials, pd.read_csv(folder / "true_parameters.csv")

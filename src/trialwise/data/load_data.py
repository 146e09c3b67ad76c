"""Data sets by name: bundled and public ones."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import NAME, PATH, expects
from trialwise.data.bundled import NAMES, bundled
from trialwise.data.fetch import DATASETS, fetch
from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd


class LoadedData(NamedTuple):
    """A data set.

    Attributes
    ----------
    trials
        The data.
    true_parameters
        One row per participant: ``participant`` and the true value of each parameter, on the natural scale; None for human data.

    Examples
    --------
    >>> data = tw.load_data("alien_task_sets")
    >>> data.trials.n_trials, len(data.true_parameters)
    (13200, 30)
    """

    trials: Trials
    true_parameters: pd.DataFrame | None


@expects(name=NAME, folder=PATH)
def load_data(name: str, folder: str | PathLike[str] | None = None) -> LoadedData:
    """Load a data set by its name.

    Simulated, bundled with trialwise:

    * ``"alien_flat"``: 30 agents of ``QLearning(initial=1.2)``, 440 trials of the alien task each; ``alpha`` from 0 to 0.2,
      ``beta`` from 1 to 5, ``forget`` from 0 to 0.1.
    * ``"alien_task_sets"``: 30 agents of ``TaskSets(initial=1.2)`` in the same task; ``alpha`` and ``alpha_high`` from 0 to 0.2,
      ``beta`` and ``beta_high`` from 1 to 5, ``forget`` and ``forget_high`` from 0 to 0.1.

    Public, downloaded unless its files are in the folder already:

    * ``"alien"``: 31 participants in the alien task, 440 trials each (Eckstein & Collins 2020, PNAS 117:29381).

    Parameters
    ----------
    name
        ``"alien_flat"``, ``"alien_task_sets"`` or ``"alien"``.
    folder
        Folder for the files of a public data set; by default a folder of its name in the working directory.

    Returns
    -------
    LoadedData
        ``(trials, true_parameters)``.

    Raises
    ------
    UsageError
        If there is no data set of that name.
    FetchError
        If a file cannot be downloaded or written, is not the expected one, or would overwrite another.

    Examples
    --------
    >>> trials, truth = tw.load_data("alien_flat")
    >>> trials.n_participants, list(truth)
    (30, ['participant', 'alpha', 'beta', 'forget'])
    """
    from trialwise.data.read import read_wide

    if name in NAMES:
        return LoadedData(*bundled(name))
    if name in DATASETS:
        return LoadedData(read_wide(fetch(name, folder).folder), None)
    raise UsageError(f"there is no data set {name!r}. {did_you_mean(str(name), [*NAMES, *DATASETS], 'data sets')}")

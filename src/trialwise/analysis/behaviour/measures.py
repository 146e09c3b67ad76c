r"""Measures of behaviour in environments with contexts and cues, independent of any model.

Measures are computed from :func:`~trialwise.analysis.behaviour.scored.scored`, which has one row per trial, and returned as a :class:`pandas.DataFrame` with one row
per participant; averaging over participants is left to the caller. A choice is *correct* if its mean reward exceeds that of every
other action; "the previous context" is that of the previous block.

The measures are those of Eckstein & Collins (2020, PNAS 117(47):29381, and their 2018 conference paper); they apply to any
environment with one correct action for each context and cue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.behaviour.continuous import of_responses
from trialwise.analysis.behaviour.correct import of_correct_choices, side_by_side
from trialwise.analysis.behaviour.general import general
from trialwise.analysis.behaviour.scored import MEAN_REWARDS
from trialwise.analysis.behaviour.tasks import OF_TASKS
from trialwise.base.expects import expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import TRIALS, Trials
from trialwise.learners.responses import families_in

if TYPE_CHECKING:
    import pandas as pd


@expects(trials=DATA, means=MEAN_REWARDS, past=TRIALS)
def measured(trials: Data, means: np.ndarray | None = None, past: Trials | None = None) -> pd.DataFrame:
    """All measures that apply to the trials, a row a participant and a column a measure.

    Of choices those of :func:`~trialwise.analysis.behaviour.general.general`, of continuous responses those of
    :func:`~trialwise.analysis.behaviour.continuous.of_responses`. With ``means``, also accuracy, its learning curves over presentations
    of a cue and over blocks, the contexts that the first four choices after a switch fit, the share of errors that are correct in
    another context, the early slope and, where the mean rewards allow it, the context index. Trials of a task with measures of its own,
    recognised by its columns, have those instead (:mod:`trialwise.analysis.behaviour.tasks`).

    Parameters
    ----------
    trials
        Trials with choices or continuous responses.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``. None: no choice is called correct.
    past
        For one-step predictions the recorded trials; see :func:`~trialwise.analysis.behaviour.general.general`. The correlation of the
        context index, which is not a mean over trials, is then left out.

    Returns
    -------
    DataFrame
        A row a participant, a column a measure.

    Raises
    ------
    UsageError
        If the trials have neither choices nor responses, or other numbers of contexts, cues or actions than ``means``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> list(tw.behaviour.measured(trials))[:4]
    ['share of 0', 'share of 1', 'share of 2', 'repeated']
    >>> "accuracy" in tw.behaviour.measured(trials, tw.environments.AlienTask.mean_rewards)
    True
    """
    trials = as_trials(trials, warn=True)
    families = families_in(trials)
    parts = [general(trials, past)] if any(family.acts for family in families) or not families else []
    if trials.response:
        parts.append(of_responses(trials, past))
    own = next((task for task in OF_TASKS if task.applies(trials)), None)
    if own is not None:
        parts += own.tables(trials, past)
    elif means is not None and any(family.acts for family in families):
        parts.append(of_correct_choices(trials, means, past))
    return side_by_side(parts, trials)

r"""Measures of behaviour in environments with contexts and cues, independent of any model.

Measures are computed from :func:`~trialwise.analysis.behaviour.scored.scored`, which has one row per trial, and returned as a :class:`pandas.DataFrame` with one row
per participant; averaging over participants is left to the caller. A choice is *correct* if its mean reward exceeds that of every
other action; "the previous context" is that of the previous block.

The measures are those of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381, and their 2018 conference paper); they
apply to any environment with one correct action for each context and cue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour import alien_phases as phases
from trialwise.analysis.behaviour.accuracy import accuracy, after_switch, context_index, early_slope, intrusions
from trialwise.analysis.behaviour.continuous import of_responses
from trialwise.analysis.behaviour.general import general
from trialwise.analysis.behaviour.scored import MEAN_REWARDS, scored
from trialwise.base.expects import expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import TRIALS, Trials
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.learners.responses import families_in

if TYPE_CHECKING:
    import pandas as pd


@expects(trials=DATA, means=MEAN_REWARDS, past=TRIALS)
def measured(trials: Data, means: np.ndarray | None = None, past: Trials | None = None) -> pd.DataFrame:
    """All measures that apply to the trials, a row a participant and a column a measure.

    Of choices those of :func:`~trialwise.analysis.behaviour.general.general`, of continuous responses those of
    :func:`~trialwise.analysis.behaviour.continuous.of_responses`. With ``means``, also accuracy, its learning curves over presentations
    of a cue and over blocks, the contexts that the first four choices after a switch fit, the share of errors that are correct in
    another context, the early slope and, with the alien task's rewards, the indices of its contexts. For the whole alien experiment
    these are computed for each phase, with the phase's name in front, together with the preferences and the profile of its test
    phases (:mod:`trialwise.analysis.behaviour.alien_phases`).

    Parameters
    ----------
    trials
        Trials with choices or continuous responses.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``. None: no choice is called correct.
    past
        For one-step predictions the recorded trials; see :func:`~trialwise.analysis.behaviour.general.general`.

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
    if phases.of_experiment(trials):
        for phase in phases.SEASONED:
            one = phases.of_phase(trials, phase)
            if (one.lengths > 0).all():
                parts.append(_of_task(one, MEANS).add_prefix(f"{phase}: "))
        parts.append(phases.preferences(trials).add_prefix("preference: "))
        parts.append(phases.novel_profile(trials).add_prefix("novel: "))
    elif means is not None and any(family.acts for family in families):
        parts.append(_of_task(trials, means))
    return _side_by_side(parts, trials)


def _side_by_side(parts: list[pd.DataFrame], trials: Trials) -> pd.DataFrame:
    """Tables with a row a participant as one; NaN for participants that a table does not have."""
    import pandas as pd

    labels = [str(label) for label in trials.participants]
    rows = [part.set_axis([str(label) for label in part.index]).reindex(labels) for part in parts]
    return pd.concat(rows, axis=1).rename_axis(index="participant")


def _of_task(trials: Trials, means: np.ndarray) -> pd.DataFrame:

    frame = scored(trials, means)
    parts = [accuracy(frame)]
    for by in ("presentation", "block"):
        curve: Any = accuracy(frame, by)
        parts.append(curve.set_axis([f"accuracy, {by} {k}" for k in curve.columns], axis=1))
    near: Any = after_switch(frame)
    near = near.loc[:, [column for column in near.columns if column[1] <= 4]]
    parts.append(near.set_axis([f"{kind} context, trial {k} after a switch" for kind, k in near.columns], axis=1))
    parts += [intrusions(frame), early_slope(frame).set_axis(["early slope"], axis=1)]
    if np.array_equal(means, MEANS):
        index: Any = context_index(frame, means)
        parts.append(index.set_axis([f"context index, {k}" for k in index.columns], axis=1))
    return _side_by_side(parts, trials)

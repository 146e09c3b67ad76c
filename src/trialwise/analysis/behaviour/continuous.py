"""Measures of continuous responses, such as ratings, skin conductance or response times, independent of any model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour.past import past_of
from trialwise.base.expects import expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import TRIALS, Trials

if TYPE_CHECKING:
    import pandas as pd

THIRDS = 3
"""The first and the last of so many parts of the trials are compared."""


@expects(trials=DATA, past=TRIALS)
def of_responses(trials: Data, past: Trials | None = None) -> pd.DataFrame:
    """Measures of continuous responses that apply to any environment, one row per participant.

    For each response, in its units: ``mean`` and ``sd``; ``mean at`` each cue, if there are cues; ``late - early``, the mean of the
    last third of the trials minus that of the first; and ``change``, the mean absolute difference of successive responses. Missing
    responses, and those that are not scored, are ignored.

    Parameters
    ----------
    trials
        Trials with continuous responses.
    past
        For one-step predictions the recorded trials, row by row those of ``trials``: ``change`` is then the difference from the
        participant's real last response. By default ``trials`` themselves.

    Returns
    -------
    DataFrame
        A row a participant, a column a measure, with the name of the response in front; no columns without responses; NaN where a
        participant has no such response.

    Examples
    --------
    >>> truth = {"alpha": 0.2, "intercept": 0, "slope": 1, "noise": 0.1}
    >>> conditioning = tw.environments.Conditioning()
    >>> trials = tw.simulate(tw.learners.RescorlaWagner(), conditioning, truth, participants=2, seed=1).trials
    >>> list(tw.behaviour.of_responses(trials))[:3]
    ['response: mean', 'response: sd', 'response: mean at CS+']
    """
    trials = as_trials(trials, warn=True)
    import pandas as pd

    before, number = past_of(trials, past), trials.participant_index
    part = (np.arange(trials.n_trials) - trials.offsets[:-1][number]) * THIRDS // np.maximum(trials.lengths, 1)[number]
    columns: dict[str, Any] = {}
    for name, values in trials.response.items():
        series: Any = pd.Series(values).where(trials.own)
        by = series.groupby(number)
        columns[f"{name}: mean"], columns[f"{name}: sd"] = by.mean(), by.std()
        cue = trials.columns.get("cue")
        for code, label in enumerate(trials.levels[cue.levels] if cue is not None and cue.levels else ()):
            columns[f"{name}: mean at {label}"] = series.where(cue.values == code).groupby(number).mean()  # type: ignore[union-attr]
        late, early = (series.where(part == k).groupby(number).mean() for k in (THIRDS - 1, 0))
        columns[f"{name}: late - early"] = late - early
        last: Any = pd.Series(before.response[name]).groupby(number).shift()
        columns[f"{name}: change"] = (series - last).abs().groupby(number).mean()
    table = pd.DataFrame(columns, index=range(trials.n_participants))
    return table.set_axis([str(label) for label in trials.participants]).rename_axis(index="participant")

"""Measures of any choices, without knowing which are correct: shares of actions, repetitions, and choices after outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour.past import past_of
from trialwise.analysis.behaviour.runs import runs_of
from trialwise.base.errors import UsageError
from trialwise.base.expects import expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import MISSED, TRIALS, Trials

if TYPE_CHECKING:
    import pandas as pd


@expects(trials=DATA, past=TRIALS)
def general(trials: Data, past: Trials | None = None) -> pd.DataFrame:
    """Measures of choices that apply to any environment, one row per participant.

    The share of each action; ``repeated``, the share of choices that repeat the participant's last choice in the same context and
    at the same cue (as far as there are any); and ``repeated after better`` and ``repeated after worse``, the same after an outcome
    above the participant's mean, or not. Missed choices are ignored.

    Parameters
    ----------
    trials
        Trials with choices.
    past
        For one-step predictions the recorded trials, row by row those of ``trials``: what came before a choice is then the real
        choice and its real outcome. By default ``trials`` themselves.

    Returns
    -------
    DataFrame
        A row a participant, shares from 0 to 1; NaN where there is no such choice.

    Raises
    ------
    UsageError
        If the trials have no choices.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> tw.behaviour.general(trials)[["share of 0", "repeated"]].round(2)
                 share of 0  repeated
    participant
    0                  0.36      0.34
    1                  0.33      0.45
    """
    trials = as_trials(trials, warn=True)
    import pandas as pd

    if trials.choice is None:
        raise UsageError("measures of behaviour need choices, and the trials have none")
    past = past_of(trials, past)
    outcome = next(iter(past.outcome.values()), np.full(trials.n_trials, np.nan))
    responded = trials.choice != MISSED
    situation = {
        name: c.values[responded] for name in ("context", "cue") if (c := trials.columns.get(name)) is not None
    }
    frame: Any = pd.DataFrame(
        {
            "participant": trials.participant_index[responded],
            "run": runs_of(trials)[responded],
            "choice": trials.choice[responded],
            "past": past.choice[responded],  # type: ignore[index]
            "own": trials.own[responded],
            "outcome": outcome[responded],
            **situation,
        }
    )
    before = frame.groupby(["participant", "run", *situation])[["past", "outcome"]].shift()
    same = (frame["choice"] == before["past"]).where(before["past"].notna())
    better = before["outcome"] > frame.groupby("participant")["outcome"].transform("mean")
    observed = before["outcome"].notna()
    columns = {f"share of {action}": frame["choice"] == a for a, action in enumerate(trials.levels["action"])}
    columns |= {
        "repeated": same,
        "repeated after better": same.where(observed & better),
        "repeated after worse": same.where(observed & ~better),
    }
    table = (
        pd.DataFrame(columns)
        .astype(float)
        .where(frame["own"])
        .groupby(frame["participant"])
        .mean()
        .reindex(range(trials.n_participants))
    )
    return table.set_axis([str(label) for label in trials.participants]).rename_axis(index="participant")

"""Every trial with what its choice was worth: whether it was correct, and which contexts it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.behaviour.runs import runs_of
from trialwise.base.errors import UsageError
from trialwise.base.expects import TABLE, Kind, attribute, expects
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.as_trials import DATA, Data, as_trials

if TYPE_CHECKING:
    import pandas as pd


MEAN_REWARDS = Kind(
    "an array (contexts, cues, actions) of finite numbers, such as an environment's mean_rewards",
    lambda value: isinstance(value, np.ndarray) and value.ndim == 3 and bool(np.isfinite(value).all()),
    lambda value: attribute("mean_rewards")(value),
)


SCORED = Kind(
    "the table of tw.behaviour.scored(trials, means)",
    lambda value: TABLE.holds(value) and {"participant", "correct", "position"} <= set(value),
)


@expects(trials=DATA, means=MEAN_REWARDS)
def scored(trials: Data, means: np.ndarray) -> pd.DataFrame:
    """Score each trial: accuracy, and agreement with the previous and other contexts; one row per trial.

    Parameters
    ----------
    trials
        Trials with contexts, cues and choices; labels are matched to ``means`` by their order.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``.

    Returns
    -------
    DataFrame
        ``participant``; ``context``, ``cue``, ``choice`` (codes; -1 missed) and ``outcome``; ``block`` (from 1; a new block begins
        where the context or a column ``block`` changes), ``position`` (trial of the block), ``presentation`` (of this cue in the
        block), ``visit`` (of this context), ``previous`` (context of the previous block, -1 in the first); ``correct``, 1, 0 or
        NaN for a missed choice; ``fits_previous`` and ``fits_other``, whether the choice would be correct in the previous, or in
        another context (NaN in the first block and for missed choices); ``fits_elsewhere``, whether it would be correct in any
        context but the current one (where several actions are equally good, none is correct: NaN); ``value`` and ``context_value``,
        the mean reward of the correct action, and the average of this over the context's cues.

    Raises
    ------
    UsageError
        If there are no contexts, cues or choices, or if their numbers differ from those in ``means``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> len(frame), round(float(frame["correct"].mean()), 2)
    (880, 0.42)
    """
    trials = as_trials(trials, warn=True)
    import pandas as pd

    for name, count in _sizes(means).items():
        if name != "action" and name not in trials.columns:
            if count == 1:
                continue
            raise UsageError(
                f"measures of behaviour need a {name}, and the trials have none: read them with ",
                Argument(name, "its column"),
            )
        if trials.sizes.get(name) != count:
            raise UsageError(
                f"the mean rewards are of {count} {name}s and the trials have {trials.sizes.get(name, 0)}: they are an array (contexts, "
                f"cues, actions), the mean_rewards of an environment; labels that do not occur are declared when reading"
            )
    if trials.choice is None:
        raise UsageError("measures of behaviour need choices, and the trials have none")
    single = np.zeros(trials.n_trials, np.int64)
    context, cue = (trials.columns[name].values if name in trials.columns else single for name in ("context", "cue"))
    choice = trials.choice
    number = trials.participant_index
    (best, decided), responded = best_actions(means), trials.own
    block_column = trials.columns["block"].values if "block" in trials.columns else context
    new = np.ones(len(choice), bool)
    new[1:] = (np.diff(context) != 0) | (np.diff(block_column) != 0) | (np.diff(number) != 0)
    run = runs_of(trials)
    first = np.ones(len(choice), bool)
    first[1:] = (np.diff(number) != 0) | (np.diff(run) != 0)
    new |= first
    stretch = np.cumsum(new) - 1  # over all participants
    starts = np.flatnonzero(new)
    before = np.where(first[starts], -1, np.concatenate([[-1], context[starts[:-1]]]))
    previous = before[stretch]
    labels = [str(label) for label in trials.participants]
    frame = pd.DataFrame(
        {
            "participant": pd.Categorical(np.array(labels, object)[number], categories=labels),
            "context": context,
            "cue": cue,
            "choice": choice,
            "outcome": trials.outcome.get("outcome", np.full(len(choice), np.nan)),
            "block": stretch - stretch[trials.offsets[:-1]][number] + 1,
            "position": np.arange(len(choice)) - starts[stretch] + 1,
            "previous": previous,
        }
    )
    frame["presentation"] = frame.groupby([stretch, "cue"]).cumcount() + 1
    heads = frame.iloc[starts]
    visit = heads.groupby(["participant", run[starts], "context"], observed=True).cumcount().to_numpy() + 1
    frame["visit"] = visit[stretch]
    frame["correct"] = np.where(responded & decided[context, cue], choice == best[context, cue], np.nan)
    after_first = responded & (previous >= 0)
    frame["fits_previous"] = np.where(after_first & decided[previous, cue], choice == best[previous, cue], np.nan)
    every = np.arange(len(best))[:, None]
    another, third = every != context, (every != context) & (every != previous)
    fits = (best[:, cue] == choice) & decided[:, cue]
    frame["fits_other"] = np.where(after_first & _known(third, decided[:, cue]), (fits & third).any(0), np.nan)
    frame["fits_elsewhere"] = np.where(responded & _known(another, decided[:, cue]), (fits & another).any(0), np.nan)
    frame["value"] = means.max(2)[context, cue]
    frame["context_value"] = means.max(2).mean(1)[context]
    return frame


def _known(contexts: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Whether a choice can be said to fit some of these contexts, ``bool (trials,)``: not if they all have equally good actions."""
    return ~contexts.any(0) | (contexts & decided).any(0)


def best_actions(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best action of each context and cue, and whether there is only one: of equally good ones none is correct or an error."""
    return means.argmax(2), (means == means.max(2, keepdims=True)).sum(2) == 1


def _sizes(means: np.ndarray) -> dict[str, int]:
    """The required numbers of contexts, cues and actions."""
    return dict(zip(("context", "cue", "action"), means.shape, strict=True))


@expects(frame=SCORED, means=MEAN_REWARDS)
def telling(frame: pd.DataFrame, means: np.ndarray) -> pd.Series:
    """Whether the correct actions of the previous and the current context differ: only then are errors informative.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``.

    Returns
    -------
    Series
        ``bool``, a row a trial; False in the first block.

    Raises
    ------
    UsageError
        If the table has more contexts, cues or actions than ``means``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> round(float(tw.behaviour.telling(frame, tw.environments.AlienTask.mean_rewards).mean()), 2)
    0.75
    """
    occurring = (frame["context"].max() + 1, frame["cue"].max() + 1, frame["choice"].max() + 1)
    if any(count > size for count, size in zip(occurring, means.shape, strict=True)):
        raise UsageError(
            Argument("means", NAME_ALONE),
            f" of {means.shape[0]} contexts, {means.shape[1]} cues and {means.shape[2]} actions: the table has more; give those that it was "
            "scored with",
        )
    best, decided = best_actions(means)
    now, before = (frame["context"], frame["cue"]), (frame["previous"], frame["cue"])
    return (frame["previous"] >= 0) & (best[now] != best[before]) & decided[now] & decided[before]

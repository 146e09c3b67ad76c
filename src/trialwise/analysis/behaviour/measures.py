r"""Measures of behaviour in environments with contexts and cues, independent of any model.

Measures are computed from :func:`scored`, which has one row per trial, and returned as a :class:`pandas.DataFrame` with one row
per participant; averaging over participants is left to the caller. A choice is *correct* if its mean reward exceeds that of every
other action; "the previous context" is that of the previous block.

The measures are those of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381, and their 2018 conference paper); they
apply to any environment with one correct action for each context and cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour import alien_phases as phases
from trialwise.analysis.behaviour.continuous import of_responses
from trialwise.analysis.behaviour.past import past_of
from trialwise.base.errors import UsageError
from trialwise.base.expects import TABLE, Kind, attribute, expects
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import MISSED, TRIALS, Trials
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.learners.responses import families_in

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 0.35
"""Mean accuracy below which participants are excluded by the paper's criterion (chance is 1/3)."""

AFTER = 8
"""Number of trials after a switch that are reported one by one."""


MEAN_REWARDS = Kind(
    "an array (contexts, cues, actions) of finite numbers, such as AlienTask.mean_rewards",
    lambda value: isinstance(value, np.ndarray) and value.ndim == 3 and bool(np.isfinite(value).all()),
    lambda value: attribute("mean_rewards")(value),
)

SCORED = Kind(
    "the table of tw.behaviour.scored(trials, means)",
    lambda value: TABLE.holds(value) and {"participant", "correct", "position"} <= set(value),
)


@expects(trials=TRIALS, means=MEAN_REWARDS)
def scored(trials: Trials, means: np.ndarray) -> pd.DataFrame:
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
                f"means has {count} {name}s and the trials have {trials.sizes.get(name, 0)}: give ",
                Argument("means", NAME_ALONE),
                ", an array (contexts, cues, actions) of mean rewards, or declare labels when reading",
            )
    if trials.choice is None:
        raise UsageError("measures of behaviour need choices, and the trials have none")
    single = np.zeros(trials.n_trials, np.int64)
    context, cue = (trials.columns[name].values if name in trials.columns else single for name in ("context", "cue"))
    choice = trials.choice
    number = trials.participant_index
    (best, decided), responded = _best(means), choice != MISSED
    block_column = trials.columns["block"].values if "block" in trials.columns else context
    new = np.ones(len(choice), bool)
    new[1:] = (np.diff(context) != 0) | (np.diff(block_column) != 0) | (np.diff(number) != 0)
    first = np.ones(len(choice), bool)
    first[1:] = np.diff(number) != 0
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
    visit = heads.groupby(["participant", "context"], observed=True).cumcount().to_numpy() + 1
    frame["visit"] = visit[stretch]
    frame["correct"] = np.where(responded & decided[context, cue], choice == best[context, cue], np.nan)
    after_first = responded & (previous >= 0)
    frame["fits_previous"] = np.where(after_first & decided[previous, cue], choice == best[previous, cue], np.nan)
    every = np.arange(len(best))[:, None]
    elsewhere = (best[:, cue] == choice) & decided[:, cue] & (every != context)
    frame["fits_other"] = np.where(after_first, (elsewhere & (every != previous)).any(0), np.nan)
    frame["fits_elsewhere"] = np.where(responded, elsewhere.any(0), np.nan)
    frame["value"] = means.max(2)[context, cue]
    frame["context_value"] = means.max(2).mean(1)[context]
    return frame


def _best(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best action of each context and cue, and whether there is only one: of equally good ones none is correct or an error."""
    return means.argmax(2), (means == means.max(2, keepdims=True)).sum(2) == 1


def _sizes(means: np.ndarray) -> dict[str, int]:
    """The required numbers of contexts, cues and actions."""
    return dict(zip(("context", "cue", "action"), means.shape, strict=True))


@expects(frame=SCORED)
def accuracy(frame: pd.DataFrame, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Share of correct choices of each participant, without missed ones; a learning curve if ``by`` is given.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    by
        Columns of :func:`scored`: ``"block"``, ``"position"``, ``"presentation"``, ``["visit", "presentation"]``, ``"context"``,
        ``"value"``, ... None by default.

    Returns
    -------
    DataFrame
        A row a participant, shares from 0 to 1: one column, ``accuracy``, or a column a value of ``by``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.accuracy(frame).round(2)
                 accuracy
    participant
    0                0.31
    1                0.54
    >>> tw.behaviour.accuracy(frame, "block").shape
    (2, 9)
    """
    return _shares(frame, "correct", by)


def _shares(frame: pd.DataFrame, column: str, by: str | Sequence[str]) -> pd.DataFrame:
    keys = [by] if isinstance(by, str) else list(by)
    means = frame.groupby(["participant", *keys], observed=True)[column].mean()
    return means.unstack(keys) if keys else means.to_frame("accuracy" if column == "correct" else column)


def _everyone(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a row for each participant of the frame: NaN for those who had no trial that counts."""
    everyone = frame["participant"].cat.remove_unused_categories().cat.categories
    return table.reindex(everyone).rename_axis(index="participant")


@expects(frame=SCORED)
def savings(frame: pd.DataFrame) -> pd.DataFrame:
    """Gain in accuracy from the first to the last visit of a context: over the whole block, and on its first and last trial.

    Blocks of unequal length are compared up to the length of the shortest one.

    Parameters
    ----------
    frame
        The table of :func:`scored`.

    Returns
    -------
    DataFrame
        A row a participant, differences of shares: ``mean``, ``first`` and ``last``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.savings(frame).round(2)
                 mean  first  last
    participant
    0           -0.12   0.33  0.00
    1            0.11   0.00  0.33
    """
    import pandas as pd

    curves: Any = accuracy(frame, ["visit", "position"])
    last = int(frame["visit"].max())
    shortest = int(frame.groupby(["participant", "block"], observed=True)["position"].max().min())
    gain = curves[last].loc[:, :shortest] - curves[1].loc[:, :shortest]
    return pd.DataFrame({"mean": gain.mean(axis=1), "first": gain[1], "last": gain[shortest]})


@expects(frame=SCORED)
def after_switch(frame: pd.DataFrame, only: pd.Series | None = None) -> pd.DataFrame:
    """Shares of choices after a switch that fit the current context (accuracy), the previous one (perseveration), or another.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    only
        Flags of the trials that count, e.g. ``telling(frame, means)``; by default all.

    Returns
    -------
    DataFrame
        A row a participant, shares from 0 to 1. Columns have two levels, kind and position (1 to 8); NaN at positions at which
        a participant has no trials.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> shares = tw.behaviour.after_switch(frame, tw.behaviour.telling(frame, tw.environments.AlienTask.mean_rewards))
    >>> shares["previous"].round(1).iloc[:, :4]
    position       1    2    3    4
    participant
    0            0.4  0.4  0.2  0.3
    1            0.4  0.6  0.2  0.0
    """
    import pandas as pd

    near = frame[(frame["previous"] >= 0) & (frame["position"] <= AFTER)]
    if only is not None:
        near = near[only.loc[near.index]]
    kinds = {"current": "correct", "previous": "fits_previous", "other": "fits_other"}
    table = pd.concat({kind: _shares(near, column, "position") for kind, column in kinds.items()}, axis=1)
    return _everyone(table, frame)


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

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> round(float(tw.behaviour.telling(frame, tw.environments.AlienTask.mean_rewards).mean()), 2)
    0.75
    """
    best, decided = _best(means)
    now, before = (frame["context"], frame["cue"]), (frame["previous"], frame["cue"])
    return (frame["previous"] >= 0) & (best[now] != best[before]) & decided[now] & decided[before]


@expects(frame=SCORED)
def intrusions(frame: pd.DataFrame) -> pd.DataFrame:
    """Share of errors that would have been correct in another context (chance in the alien task: .75).

    Parameters
    ----------
    frame
        The table of :func:`scored`.

    Returns
    -------
    DataFrame
        A row a participant, one column, ``intrusions``, from 0 to 1; NaN without errors.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.intrusions(frame).round(2)
                 intrusions
    participant
    0                  0.70
    1                  0.73
    """
    errors = _shares(frame[frame["correct"] == 0], "fits_elsewhere", ())
    return _everyone(errors.rename(columns={"fits_elsewhere": "intrusions"}), frame)


@expects(frame=SCORED, means=MEAN_REWARDS)
def context_index(frame: pd.DataFrame, means: np.ndarray) -> pd.DataFrame:
    """Accuracy in each context at matched values of cues: the alien task's indices of task sets.

    For each context, the mean of the accuracy at its cells of value 6 or 7 and the accuracy at its cells of value 3 or 4.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``.

    Returns
    -------
    DataFrame
        A row a participant, a column a context, from 0 to 1; and ``correlation``, that of the three with 0, 1, 2. NaN if a context, or
        such a cell of it, was never shown.

    Raises
    ------
    UsageError
        If a context has no cell of value 6 or 7, or none of value 3 or 4.

    References
    ----------
    Eckstein & Collins (2020), PNAS 117(47):29381.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.context_index(frame, tw.environments.AlienTask.mean_rewards).round(2)
                    0     1     2  correlation
    participant
    0            0.44  0.20  0.29        -0.60
    1            0.47  0.59  0.53         0.48
    """
    import pandas as pd

    cells: Any = accuracy(frame, ["context", "cue"])
    value, index = means.max(2), {}
    every = pd.MultiIndex.from_product([range(len(means)), range(value.shape[1])])
    cells = cells.reindex(columns=every)
    for context in range(len(means)):
        high = [cue for cue in range(value.shape[1]) if value[context, cue] in (6, 7)]
        low = [cue for cue in range(value.shape[1]) if value[context, cue] in (3, 4)]
        if not high or not low:
            raise UsageError("context_index compares cells of value 6 or 7 and 3 or 4, which these means do not have")
        index[context] = (cells[context][high].mean(axis=1) + cells[context][low].mean(axis=1)) / 2
    table = pd.DataFrame(index)
    order = np.arange(len(means)) - (len(means) - 1) / 2
    gap = table.to_numpy() - table.to_numpy().mean(1, keepdims=True)
    size = np.sqrt((gap**2).sum(1) * (order**2).sum())
    return table.assign(correlation=gap @ order / np.where(size > 0, size, np.nan))


@expects(frame=SCORED)
def value_regression(frame: pd.DataFrame, ridge: float = 1.0) -> pd.DataFrame:
    r"""Slopes of a logistic regression of ``correct`` on ``value`` and ``context_value`` for each participant.

    Maximises the log-likelihood minus :math:`\tfrac{1}{2 \mathrm{ridge}} \sum \mathrm{slope}^2`, as the published analysis did
    (``ridge`` 1, unstandardised). A participant may respond without errors; without a ridge the slopes then have no maximum.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    ridge
        Variance of the penalty, above 0; ``np.inf`` for none.

    Returns
    -------
    DataFrame
        A row a participant, slopes ``value`` and ``context_value``, in logits per unit of reward.

    References
    ----------
    Eckstein & Collins (2020), PNAS 117(47):29381.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.value_regression(frame).round(2)
                 value  context_value
    participant
    0             0.06           0.17
    1             0.21          -0.07
    """
    import pandas as pd

    rows = {}
    for label, trials in frame.dropna(subset="correct").groupby("participant", observed=True):
        x = trials[["value", "context_value"]].to_numpy()
        rows[label] = logistic(x - x.mean(0), trials["correct"].to_numpy(), np.zeros(len(x), int), ridge)[0]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "context_value"])
    return table.rename_axis(index="participant")


@expects(frame=SCORED)
def pooled_value_regression(frame: pd.DataFrame) -> pd.DataFrame:
    """The regression of :func:`value_regression` over all participants, with an intercept for each and no penalty.

    Parameters
    ----------
    frame
        The table of :func:`scored`.

    Returns
    -------
    DataFrame
        Rows ``value`` and ``context_value``: ``slope``, in logits per unit of reward, and ``z``, slope by standard error.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.pooled_value_regression(frame).round(1)
                   slope    z
    value            0.1  4.3
    context_value    0.0  0.6
    """
    import pandas as pd

    responded = frame.dropna(subset="correct")
    x = responded[["value", "context_value"]].to_numpy()
    codes = responded["participant"].cat.codes.to_numpy()
    slopes, errors = logistic(x, responded["correct"].to_numpy(), codes, np.inf)
    return pd.DataFrame({"slope": slopes, "z": slopes / errors}, index=["value", "context_value"])


def logistic(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, ridge: float, turns: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression with an intercept for each group, by Newton's method; intercepts are not penalised.

    Parameters
    ----------
    x
        Predictors, ``(rows, columns)``.
    y
        Outcomes, ``(rows,)``, 0 or 1.
    group
        Codes of groups, ``(rows,)``.
    ridge
        Variance of the penalty on slopes, above 0; ``np.inf`` for none.
    turns
        Largest number of steps.

    Returns
    -------
    slopes : array
        ``(columns,)``, in logits per unit of the predictor.
    errors : array
        ``(columns,)``, their standard errors.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    >>> slopes, errors = tw.behaviour.logistic(x, y, np.zeros(4, int), ridge=1.0)
    >>> slopes.round(2), errors.round(2)
    (array([0.45]), array([0.69]))
    """
    own = (group[:, None] == np.unique(group)).astype(float)
    design, count = np.concatenate([x, own], 1), x.shape[1]
    penalty = np.concatenate([np.full(count, 1.0 / ridge), np.full(own.shape[1], 1e-9)])
    weight = np.zeros(design.shape[1])
    for _ in range(turns):
        p = 1.0 / (1.0 + np.exp(-design @ weight))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, design.T @ (y - p) - penalty * weight)
        weight = weight + step * min(1.0, 5.0 / (abs(step).max() + 1e-12))
        if abs(step).max() < 1e-9:
            break
    return weight[:count], np.sqrt(np.diag(np.linalg.inv(curvature))[:count])


@expects(frame=SCORED)
def early_slope(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Rise of accuracy over the first four trials of a block, :math:`\sum_i c_i\,(i - 2.5)`, in which no cue is repeated.

    Where contexts are hidden, this is the hidden-context slope.

    Parameters
    ----------
    frame
        The table of :func:`scored`.

    Returns
    -------
    DataFrame
        A row a participant, ``slope``: five times the least-squares slope of accuracy on the trial number.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.early_slope(frame).round(2)
                 slope
    participant
    0             0.56
    1             0.83
    """
    import pandas as pd

    curve = accuracy(frame[frame["position"] <= 4], "position")
    return pd.DataFrame({"slope": curve.to_numpy() @ [-1.5, -0.5, 0.5, 1.5]}, index=curve.index)


@expects(frame=SCORED)
def below_criterion(frame: pd.DataFrame, least: float = CHANCE) -> list[str]:
    """Labels of participants whose accuracy is below the criterion.

    Parameters
    ----------
    frame
        The table of :func:`scored`.
    least
        The criterion, from 0 to 1; by default 0.35, where chance in the alien task is 1/3.

    Returns
    -------
    list of str
        Labels, as text.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.below_criterion(frame), tw.behaviour.below_criterion(frame, 0.99)
    (['0'], ['0', '1'])
    """
    share = accuracy(frame)["accuracy"]
    return [str(label) for label in share.index[share < least]]


@expects(trials=TRIALS, past=TRIALS)
def general(trials: Trials, past: Trials | None = None) -> pd.DataFrame:
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
            "choice": trials.choice[responded],
            "past": past.choice[responded],  # type: ignore[index]
            "outcome": outcome[responded],
            **situation,
        }
    )
    before = frame.groupby(["participant", *situation])[["past", "outcome"]].shift()
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
        pd.DataFrame(columns).astype(float).groupby(frame["participant"]).mean().reindex(range(trials.n_participants))
    )
    return table.set_axis([str(label) for label in trials.participants]).rename_axis(index="participant")


@expects(trials=TRIALS, means=MEAN_REWARDS, past=TRIALS)
def measured(trials: Trials, means: np.ndarray | None = None, past: Trials | None = None) -> pd.DataFrame:
    """All measures that apply to the trials, a row a participant and a column a measure.

    Of choices those of :func:`general`, of continuous responses those of
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
        For one-step predictions the recorded trials; see :func:`general`.

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

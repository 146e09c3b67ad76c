r"""Behaviour in a task of contexts and cues: what participants did, whatever model they follow.

Everything starts from :func:`scored`, one row a trial, and comes out as a :class:`pandas.DataFrame` with a row a participant:
averages over people are the caller's, who knows what they are for. A choice is *correct* where its mean reward exceeds that of
every other action; "the previous context" is the one of the block before.

The measures are those of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381, and their 2018 conference paper); any
task with one correct action for each context and cue will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour import alien_phases as phases
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.trials import MISSED, Trials
from trialwise.environments.tasks.alien_rewards import MEANS

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 0.35
"""Participants whose mean accuracy is below this are left out by the paper's criterion (chance is 1/3)."""

AFTER = 8
"""Trials after a switch that are told one by one."""


def scored(trials: Trials, means: np.ndarray = MEANS) -> pd.DataFrame:
    """One row a trial, with what it says about the participant.

    Parameters
    ----------
    trials
        With contexts, cues and choices; labels are matched to ``means`` by their order.
    means
        Mean reward of each action, ``(contexts, cues, actions)``; default: the alien task's.

    Returns
    -------
    DataFrame
        ``participant``; ``context``, ``cue``, ``choice`` (codes; -1 missed) and ``outcome``; ``block`` (from 1, a new one where
        the context changes or a column ``block`` does), ``position`` (trial of the block), ``presentation`` (of this cue in the
        block), ``visit`` (of this context), ``previous`` (context of the block before, -1 in the first); ``correct``, 1, 0 or NaN
        for a missed choice; ``fits_previous`` and ``fits_other``, whether the choice is the correct one of the previous, or of
        another context (NaN in the first block and where missed), ``fits_elsewhere``, of any but the current one; ``value`` and ``context_value``, the mean reward of the
        correct action, and its mean over the context's cues.

    Raises
    ------
    UsageError
        If there are no contexts, cues or choices, or other numbers of them than in ``means``.
    """
    import pandas as pd

    for name, count in _sizes(means).items():
        if name != "action" and name not in trials.columns:
            raise UsageError(
                f"behaviour is told by {name}, and the trials have none: read them with ", Argument(name, "its column")
            )
        if trials.sizes.get(name) != count:
            raise UsageError(
                f"means has {count} {name}s and the trials have {trials.sizes.get(name, 0)}: give means=, an array "
                "(contexts, cues, actions) of mean rewards, or declare labels when reading"
            )
    if trials.choice is None:
        raise UsageError("behaviour is told by choices, and the trials have none")
    context, cue, choice = trials.columns["context"].values, trials.columns["cue"].values, trials.choice
    number = trials.participant_index
    best, made = means.argmax(2), choice != MISSED
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
    frame["correct"] = np.where(made, choice == best[context, cue], np.nan)
    known = made & (previous >= 0)
    frame["fits_previous"] = np.where(known, choice == best[previous, cue], np.nan)
    every = np.arange(len(best))[:, None]
    elsewhere = (best[:, cue] == choice) & (every != context)
    frame["fits_other"] = np.where(known, (elsewhere & (every != previous)).any(0), np.nan)
    frame["fits_elsewhere"] = np.where(made, elsewhere.any(0), np.nan)
    frame["value"] = means.max(2)[context, cue]
    frame["context_value"] = means.max(2).mean(1)[context]
    return frame


def _sizes(means: np.ndarray) -> dict[str, int]:
    """How many contexts, cues and actions there must be."""
    return dict(zip(("context", "cue", "action"), means.shape, strict=True))


def accuracy(frame: pd.DataFrame, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Share of correct choices of each participant, missed ones left out: a learning curve where ``by`` says so.

    ``by`` names columns of :func:`scored`: ``"block"``, ``"position"``, ``"presentation"``, ``["visit", "presentation"]``,
    ``"context"``, ``"value"``, ... Without it there is one column, ``accuracy``.
    """
    return _shares(frame, "correct", by)


def _shares(frame: pd.DataFrame, what: str, by: str | Sequence[str]) -> pd.DataFrame:
    keys = [by] if isinstance(by, str) else list(by)
    means = frame.groupby(["participant", *keys], observed=True)[what].mean()
    return means.unstack(keys) if keys else means.to_frame("accuracy" if what == "correct" else what)


def savings(frame: pd.DataFrame) -> pd.DataFrame:
    """How much better contexts are known at their last visit than at the first: over the whole block, on its first and last trial.

    Blocks of unequal length are compared up to the shortest one's end.
    """
    import pandas as pd

    curves: Any = accuracy(frame, ["visit", "position"])
    last = int(frame["visit"].max())
    shortest = int(frame.groupby(["participant", "block"], observed=True)["position"].max().min())
    gain = curves[last].loc[:, :shortest] - curves[1].loc[:, :shortest]
    return pd.DataFrame({"mean": gain.mean(axis=1), "first": gain[1], "last": gain[shortest]})


def after_switch(frame: pd.DataFrame, only: pd.Series | None = None) -> pd.DataFrame:
    """What fits the choices after a switch: the current context (accuracy), the previous one (perseveration), or another.

    Two levels of columns, kind and position, 1 to 8. ``only`` picks trials, e.g. ``telling(frame)``; positions at which a
    participant has none are NaN.
    """
    import pandas as pd

    near = frame[(frame["previous"] >= 0) & (frame["position"] <= AFTER)]
    if only is not None:
        near = near[only.loc[near.index]]
    kinds = {"current": "correct", "previous": "fits_previous", "other": "fits_other"}
    return pd.concat({kind: _shares(near, column, "position") for kind, column in kinds.items()}, axis=1)


def telling(frame: pd.DataFrame, means: np.ndarray = MEANS) -> pd.Series:
    """Whether the previous context's correct action is another one than the current context's: only then errors tell."""
    best = means.argmax(2)
    here, there = best[frame["context"], frame["cue"]], best[frame["previous"], frame["cue"]]
    return (frame["previous"] >= 0) & (here != there)


def intrusions(frame: pd.DataFrame) -> pd.DataFrame:
    """Share of errors that would have been correct in another context (chance in the alien task: .75)."""
    return _shares(frame[frame["correct"] == 0], "fits_elsewhere", ()).rename(columns={"fits_elsewhere": "intrusions"})


def context_index(frame: pd.DataFrame, means: np.ndarray = MEANS) -> pd.DataFrame:
    """How well each context is known, at matched values of cues: the alien task's indices of task sets.

    For each context the mean of the accuracy at its cell of value 6 or 7 and that at its cells of value 3 or 4, a column a
    context, and ``correlation``, that of the three with 0, 1, 2; NaN where a context, or such a cell of it, was never met.
    """
    import pandas as pd

    cells: Any = accuracy(frame, ["context", "cue"])
    value, found = means.max(2), {}
    every = pd.MultiIndex.from_product([range(len(means)), range(value.shape[1])])
    cells = cells.reindex(columns=every)
    for context in range(len(means)):
        high = [cue for cue in range(value.shape[1]) if value[context, cue] in (6, 7)]
        low = [cue for cue in range(value.shape[1]) if value[context, cue] in (3, 4)]
        if not high or not low:
            raise UsageError("context_index compares cells of value 6 or 7 and 3 or 4, which these means do not have")
        found[context] = (cells[context][high].mean(axis=1) + cells[context][low].mean(axis=1)) / 2
    table = pd.DataFrame(found)
    order = np.arange(len(means)) - (len(means) - 1) / 2
    gap = table.to_numpy() - table.to_numpy().mean(1, keepdims=True)
    size = np.sqrt((gap**2).sum(1) * (order**2).sum())
    return table.assign(correlation=gap @ order / np.where(size > 0, size, np.nan))


def value_regression(frame: pd.DataFrame, ridge: float = 1.0) -> pd.DataFrame:
    r"""A logistic regression of ``correct`` on ``value`` and ``context_value`` for each participant; columns of slopes.

    Maximises the log-likelihood less :math:`\tfrac{1}{2 \mathrm{ridge}} \sum \mathrm{slope}^2`, as the published analysis did
    (``ridge`` 1, unstandardised). One participant may answer without errors: without a ridge the slopes have no maximum.
    """
    import pandas as pd

    rows = {}
    for label, mine in frame.dropna(subset="correct").groupby("participant", observed=True):
        x = mine[["value", "context_value"]].to_numpy()
        rows[label] = logistic(x - x.mean(0), mine["correct"].to_numpy(), np.zeros(len(x), int), ridge)[0]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "context_value"])
    return table.rename_axis(index="participant")


def pooled_value_regression(frame: pd.DataFrame) -> pd.DataFrame:
    """The same over all participants, each with an intercept of its own and nothing penalised: ``slope`` and ``z``, a row each."""
    import pandas as pd

    known = frame.dropna(subset="correct")
    x = known[["value", "context_value"]].to_numpy()
    slopes, errors = logistic(x, known["correct"].to_numpy(), known["participant"].cat.codes.to_numpy(), np.inf)
    return pd.DataFrame({"slope": slopes, "z": slopes / errors}, index=["value", "context_value"])


def logistic(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, ridge: float, turns: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and standard errors of a logistic regression of ``y`` on ``x (rows, columns)`` with an intercept for each ``group``.

    Newton's method; intercepts are not penalised.
    """
    own = (group[:, None] == np.unique(group)).astype(float)
    design, count = np.concatenate([x, own], 1), x.shape[1]
    penalty = np.concatenate([np.full(count, 1.0 / ridge), np.full(own.shape[1], 1e-9)])
    weight = np.zeros(design.shape[1])
    for _ in range(turns):
        p = 1.0 / (1.0 + np.exp(-design @ weight))
        bent = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(bent, design.T @ (y - p) - penalty * weight)
        weight = weight + step * min(1.0, 5.0 / (abs(step).max() + 1e-12))
        if abs(step).max() < 1e-9:
            break
    return weight[:count], np.sqrt(np.diag(np.linalg.inv(bent))[:count])


def early_slope(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Rise of accuracy over the first four trials of a block, :math:`\sum_i c_i\,(i - 2.5)`, which no cue repeats in: the
    hidden-context slope, where contexts are hidden."""
    import pandas as pd

    curve = accuracy(frame[frame["position"] <= 4], "position")
    return pd.DataFrame({"slope": curve.to_numpy() @ [-1.5, -0.5, 0.5, 1.5]}, index=curve.index)


def below_criterion(frame: pd.DataFrame, least: float = CHANCE) -> list[str]:
    """Labels of participants whose accuracy is below the criterion."""
    mine = accuracy(frame)["accuracy"]
    return [str(label) for label in mine.index[mine < least]]


def general(trials: Trials) -> pd.DataFrame:
    """What can be said of choices in any task: a row a participant.

    The share of each action; ``repeated``, of choices that are the participant's last one at the same cue (at any, without
    cues); and ``repeated_after_better`` and ``repeated_after_worse``, the same after an outcome above the participant's mean, or
    not. Missed choices are left out and looked through.
    """
    import pandas as pd

    if trials.choice is None:
        raise UsageError("behaviour is told by choices, and the trials have none")
    outcome = next(iter(trials.outcome.values()), np.full(len(trials.choice), np.nan))
    made = trials.choice != MISSED
    given = {name: c.values[made] for name in ("context", "cue") if (c := trials.columns.get(name)) is not None}
    frame: Any = pd.DataFrame(
        {"who": trials.participant_index[made], "choice": trials.choice[made], "got": outcome[made], **given}
    )
    before = frame.groupby(["who", *given])[["choice", "got"]].shift()
    same = (frame["choice"] == before["choice"]).where(before["choice"].notna())
    better = before["got"] > frame.groupby("who")["got"].transform("mean")
    heard = before["got"].notna()
    columns = {f"share of {action}": frame["choice"] == a for a, action in enumerate(trials.levels["action"])}
    columns |= {
        "repeated": same, "repeated after better": same.where(heard & better), "repeated after worse": same.where(heard & ~better),
    }  # fmt: skip
    table = pd.DataFrame(columns).astype(float).groupby(frame["who"]).mean().reindex(range(trials.n_participants))
    return table.set_axis([str(label) for label in trials.participants]).rename_axis(index="participant")


def measured(trials: Trials, means: np.ndarray = MEANS) -> pd.DataFrame:
    """Every measure that these trials admit: a row a participant, a column a measure.

    Those of :func:`general`; and where contexts, cues and actions are as many as ``means`` has, accuracy, its learning curve over
    presentations of a cue and over blocks, what fits the first four choices after a switch, the share of errors that belong to
    another context, the early slope and, for the alien task's values, the indices of its contexts. Of the whole alien experiment
    these are told for each phase, named before them, with the preferences and the profile of its test phases
    (:mod:`trialwise.analysis.behaviour.alien_phases`).
    """
    import pandas as pd

    parts = [general(trials)]
    if phases.of_experiment(trials):
        for phase in phases.SEASONED:
            one = phases.of_phase(trials, phase)
            if (one.lengths > 0).all():
                parts.append(_of_task(one, means).add_prefix(f"{phase}: "))
        parts.append(phases.preferences(trials).add_prefix("preference: "))
        parts.append(phases.novel_profile(trials).add_prefix("novel: "))
    elif all(trials.sizes.get(name) == count for name, count in _sizes(means).items()):
        parts.append(_of_task(trials, means))
    return pd.concat([part.set_axis(parts[0].index, axis=0) for part in parts], axis=1)


def _of_task(trials: Trials, means: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    frame = scored(trials, means)
    parts = [accuracy(frame)]
    for by in ("presentation", "block"):
        curve: Any = accuracy(frame, by)
        parts.append(curve.set_axis([f"accuracy, {by} {k}" for k in curve.columns], axis=1))
    near: Any = after_switch(frame)
    near = near.loc[:, [column for column in near.columns if column[1] <= 4]]
    parts.append(near.set_axis([f"{kind} context, trial {k} after a switch" for kind, k in near.columns], axis=1))
    parts += [intrusions(frame), early_slope(frame).set_axis(["early slope"], axis=1)]
    if means is MEANS:
        index: Any = context_index(frame)
        parts.append(index.set_axis([f"context index, {k}" for k in index.columns], axis=1))
    return pd.concat([part.set_axis(parts[0].index, axis=0) for part in parts], axis=1)

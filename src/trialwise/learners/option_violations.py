"""Rows that offer, or contain, other actions than a learner declares for their stage, in words: which rows, and what to type."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.base.message import Argument, Message
from trialwise.data.reading.where import written
from trialwise.data.trials import MISSED, Trials
from trialwise.learners.assumptions import Assumptions
from trialwise.learners.learner import Learner
from trialwise.learners.places import column_of, rows_of


def options_of(assumed: Assumptions) -> np.ndarray:
    """Whether each action is declared for rows with each code of the column of stages, ``bool (codes, actions)``."""
    offered = np.zeros((sum(map(len, assumed.stages)), assumed.actions or 0), bool)
    for codes, actions in zip(assumed.stages, assumed.options, strict=True):
        offered[np.ix_(codes, actions)] = True
    return offered


def option_violations(learner: Learner, trials: Trials, actions: Sequence[Hashable], shown: bool) -> Iterator[Message]:
    """Rows with other actions than those of their stage, each with what to type.

    Parameters
    ----------
    learner, trials
        A learner that declares options, and data whose column of stages is as declared.
    actions
        The labels of the actions in the order of their roles. If they have another order in the data, their codes mean nothing yet, and
        it is only said that it must be known which are available.
    shown
        Whether an environment shows the trials, so that there is no table to read in another way.
    """
    assumed, here = learner.assumptions, options_of(learner.assumptions)
    if here.all():
        return
    in_order = tuple(actions) == tuple(trials.levels["action"])
    of_row = here[trials.columns[assumed.stage_column].values]
    start = f"{type(learner).__name__} declares other actions in each stage ({_described(assumed, actions)})"
    remedy = _of_environment(here, assumed) if shown else _typed(here, trials, assumed, actions)
    if trials.choice is not None and in_order:
        made = np.flatnonzero(trials.choice != MISSED)
        wrong = made[~of_row[made, trials.choice[made]]]
        if len(wrong):
            chosen = sorted({str(actions[int(trials.choice[t])]) for t in wrong})
            column = column_of(trials, assumed.stage_column)
            yield Message(
                f"{start}; {listed(chosen)} {'was' if len(chosen) == 1 else 'were'} chosen in {counted(len(wrong), 'row')} of another stage: "
                f"{rows_of(trials, wrong)}\n    -> correct the choice or the {column} of these rows: each choice of a trial is a row of its own"
            )
    if trials.available is None:
        yield Message(
            f"{start}; in these data all {len(actions)} are available in every row, so that those that were not on offer would take their share "
            "of the probability\n    -> ", remedy,
        )  # fmt: skip
    elif in_order and (trials.available & ~of_row).any():
        more = trials.available & ~of_row
        wrong = np.flatnonzero(more.any(1))
        also = listed(str(actions[int(k)]) for k in np.flatnonzero(more.any(0)))
        yield Message(
            f"{start}; {also} are available in {counted(len(wrong), 'row')} of another stage: {rows_of(trials, wrong)}\n    -> ", remedy
        )  # fmt: skip


def fewer_options(learner: Learner, trials: Trials) -> Iterator[Message]:
    """A note on rows in which not all the actions of their stage are available."""
    assumed = learner.assumptions
    if assumed.options and trials.available is not None:
        declared = options_of(assumed)[trials.columns[assumed.stage_column].values]
        fewer = np.flatnonzero((declared & ~trials.available).any(1))
        if len(fewer):
            yield Message(
                f"in {counted(len(fewer), 'row')} not all the actions are available that {type(learner).__name__} declares for their stage: "
                f"{rows_of(trials, fewer)}"
            )


def _described(assumed: Assumptions, actions: Sequence[Hashable]) -> str:
    """``red and blue in stage colour; 5, 50 and 95 in stage bet``."""
    return "; ".join(
        f"{listed(str(actions[code]) for code in options)} in {assumed.in_stage(codes)}"
        for codes, options in zip(assumed.stages, assumed.options, strict=True)
    )


def _typed(here: np.ndarray, trials: Trials, assumed: Assumptions, actions: Sequence[Hashable]) -> Message:
    """The argument with which the table is read."""
    labels, column = trials.levels[assumed.stage_column], written(column_of(trials, assumed.stage_column))
    conditions = {}
    for k, action in enumerate(actions):
        of_action = [labels[code] for code in np.flatnonzero(here[:, k])]
        conditions[str(action)] = (
            f"{column} == {of_action[0]!r}" if len(of_action) == 1 else f"{column} in {of_action!r}"
        )
    return Message("say in which rows each is: ", Argument("available", conditions))


def _of_environment(here: np.ndarray, assumed: Assumptions) -> str:
    """What the environment returns."""
    rows = ", ".join(str(row) for row in here.astype(int).tolist())
    return f"let show give it to Shown as the array available: np.array([{rows}], bool)[{assumed.stage_column}]"

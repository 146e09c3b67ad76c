"""Whether a simulated response has the probability that its replay gives it, on trials that the learner is made for.

Outcomes depend on what is chosen. In an environment, its own follow the simulated choices. Of generated data, any outcomes are as good
as others. Of data alone, it is not known what another choice would have brought: there the only simulated response is the last one,
after trials that happened.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.analysis.conformance.acting import act
from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE
from trialwise.analysis.conformance.case import AGREEMENT, Case, Violation, difference, shown
from trialwise.data.trials import Column
from trialwise.engine import Packed, pack, rollout_plain, trace_plain
from trialwise.learners.responses.family import random_numbers

CUTS = 4
"""Number of trials of each participant after which the data are cut off."""


def simulation(case: Case) -> str:
    """The check; returns its details.

    Raises
    ------
    Violation
        If the two probabilities differ.
    """
    if case.task is not None:
        worst = _in_the_task(case)
    elif case.generated and not case.learner.assumptions.stages:
        worst = _on_any_outcomes(case)
    else:
        worst = max(_of_the_last_response(case) for _ in range(CUTS))
    return f"largest relative difference {shown(worst)}"


def _in_the_task(case: Case) -> float:
    assert case.task is not None
    result = act(case.learner, case.task, case.points[0], case.seed)
    trials = result.trials
    if result.hidden is not None:
        trials = replace(trials, columns={**trials.columns, HIDDEN_CHOICE: Column(result.hidden)})
    return _compared(case, case.scores(case.points[0], trials), result.log_probability)


def _on_any_outcomes(case: Case) -> float:
    packed, trials = case.packed, case.trials
    shape = len(packed.ints), packed.actions
    occurring = np.flatnonzero(~trials.without_outcome)
    row = case.random.choice(occurring, shape) if len(occurring) else np.zeros(shape, int)  # parts stay together
    potential = np.stack([values[row] for values in trials.outcome.values()] or [np.zeros((*shape, 0))], axis=-1)
    done, own, _ = rollout_plain(
        case.learner, packed, case.points[0], potential[..., : len(packed.outcome)], _draws(case, packed)
    )
    return _compared(case, case.scores(case.points[0], packed=done), own)


def _of_the_last_response(case: Case) -> float:
    until, rows, last = case.beginning()
    packed = pack(case.learner, replace(until, scored=last & until.unforced))
    if case.learner.hides:
        packed = packed.with_hidden(until.columns[HIDDEN_CHOICE].values)
    happened = packed.reals[:, [start for _, _, start, _ in packed.outcome]]
    potential = np.repeat(happened[:, None, :], packed.actions, axis=1)
    done, own, _ = rollout_plain(case.learner, packed, case.points[0], potential, _draws(case, packed))
    return _compared(case, trace_plain(case.learner, done, case.points[0])[0][:, 0], own, rows)


def _draws(case: Case, packed: Packed) -> np.ndarray:
    kinds = [kind for family in case.learner.responses.values() for kind in family.random]
    return random_numbers((*kinds, "uniform"), case.random, len(packed.ints))


def _compared(case: Case, replayed: np.ndarray, own: np.ndarray, rows: np.ndarray | None = None) -> float:
    """The largest difference; ``rows`` are those of the case, by default all."""
    gap = difference(replayed, own)
    t = int(gap.argmax())
    if gap[t] > AGREEMENT:
        raise Violation(
            f"{case.where(t if rows is None else int(rows[t]))} was drawn with log-probability {own[t]:.8g} and replayed with {replayed[t]:.8g}: "
            "choose must set every preference[action] on each trial, and depend only on state and trial"
        )
    return float(gap[t])

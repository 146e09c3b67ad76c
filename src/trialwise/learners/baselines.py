"""The baselines of a comparison: built-in learners that say which data they are for (``for_data``)."""

from __future__ import annotations

from collections.abc import Mapping

from trialwise.data.trials import Trials
from trialwise.learners import BUILT_IN
from trialwise.learners.action_sets import without_reference
from trialwise.learners.learner import Learner

ON_A_LINE = ("normal", "student", "lognormal")
"""Families whose likelihoods are densities of a number, so that they can be compared with that of a Normal distribution."""


def baselines_for(
    trials: Trials, responses: Mapping[str, str] | None = None, staged: bool = False
) -> dict[str, Learner]:
    """Baselines for these trials, by name.

    Parameters
    ----------
    trials
        The data.
    responses
        Families of the responses that the baselines have to predict, by name of the response; by default those of the data.
    staged
        Whether a trial is several rows. Rows before the last have an outcome of 0 that nobody saw, so that baselines which take each row for a
        trial, to learn from its outcome, are left out.
    """
    kinds = {name: kind for name, kind in BUILT_IN.items() if hasattr(kind.agent_class, "for_data")}
    made = {name: _identified(kind.agent_class.for_data(kind, trials), trials) for name, kind in kinds.items()}  # type: ignore[attr-defined]
    return {
        name: each
        for name, each in made.items()
        if each is not None
        and (responses is None or _predicts(each, responses))
        and not (staged and each.assumptions.rows_are_trials)
    }


def _identified(baseline: Learner | None, trials: Trials) -> Learner | None:
    """The baseline with a reference in each set of actions that are available together, if its parameters are relative to one."""
    if baseline is None or not baseline.assumptions.relative:
        return baseline
    return baseline.fix(**{names[0]: 0.0 for names in without_reference(baseline, trials)})


def _predicts(baseline: Learner, responses: Mapping[str, str]) -> bool:
    """Whether a baseline predicts these responses and no others, by likelihoods that can be compared."""
    if baseline.responses.keys() != responses.keys():
        return False
    own = baseline.family.name
    return all(family == own or {family, own} <= {*ON_A_LINE} for family in responses.values())

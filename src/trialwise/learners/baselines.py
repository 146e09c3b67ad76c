"""The baselines of a comparison: built-in learners that say which data they are for (``for_data``)."""

from __future__ import annotations

from trialwise.data.trials import Trials
from trialwise.learners import BUILT_IN
from trialwise.learners.learner import Learner


def baselines_for(trials: Trials) -> dict[str, Learner]:
    """Baselines for these trials, by name."""
    kinds = {name: kind for name, kind in BUILT_IN.items() if hasattr(kind.agent_class, "for_data")}
    made = {name: kind.agent_class.for_data(kind, trials) for name, kind in kinds.items()}  # type: ignore[attr-defined]
    return {name: each for name, each in made.items() if each is not None}

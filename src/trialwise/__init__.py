"""trialwise: Bayesian models of how people learn, trial by trial."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trialwise.errors import DataError, LearnerError, ModelError, TrialwiseError, UsageError
from trialwise.learner import learner, probabilities
from trialwise.learners import PearceHall, QLearning, RescorlaWagner
from trialwise.parameters import constant, interval, positive, real, unit
from trialwise.state import memory, softmax_into, state
from trialwise.trials import Trials

_LATER = {
    "check_learner": "conformance",
    "data_set": "data_sets",
    "fetch": "fetching",
    "fit": "fitting",
    "inspect": "inspection",
    "likelihood": "distribution",
    "load": "fitting",
    "point": "inference.point",
    "read_long": "read",
    "read_wide": "read",
    "recovered": "recovery",
    "simulate": "simulation",
    "uniform": "simulation",
    "log_likelihood": "evaluate",
    "plain_log_likelihood": "evaluate",
    "trial_log_likelihood": "evaluate",
    "trial_values": "evaluate",
}
"""Names whose modules import something heavy: found when first asked for."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"trialwise.{_LATER[name]}"), name)
    raise AttributeError(f"module 'trialwise' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])


if TYPE_CHECKING:
    from trialwise.evaluate import log_likelihood, plain_log_likelihood, trial_log_likelihood, trial_values

__all__ = [
    "DataError", "LearnerError", "ModelError", "PearceHall", "QLearning", "RescorlaWagner", "Trials", "TrialwiseError",
    "UsageError", "constant", "interval", "learner", "log_likelihood", "memory", "plain_log_likelihood", "positive",
    "probabilities", "real", "softmax_into", "state", "trial_log_likelihood", "trial_values", "unit",
]  # fmt: skip

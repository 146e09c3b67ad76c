"""Environments in which learners act.

An environment is a small class with two methods. ``show`` generates the sequence that one participant sees; ``potential``
returns the outcome that each action would have on each trial, chosen or not. Both receive the participant's own random
generator::

    import numpy as np
    from trialwise.environments import Environment, Shown

    class Bandit(Environment):
        levels = {"action": ("left", "right")}

        def __init__(self, trials=100, chances=(0.3, 0.7)):
            self.trials, self.chances = trials, chances

        def show(self, random):
            return Shown(self.trials)                # or Shown(trials, {"cue": codes, "delay": reals}, reset=flags)

        def potential(self, shown, random):          # (trials, actions[, parts of an outcome])
            return (random.random((shown.trials, 2)) < self.chances).astype(float)

    simulate(QLearning(), Bandit(), {"alpha": 0.2, "beta": 3, "forget": 0}, participants=20)

``environment.on(trials)`` takes the sequences from recorded trials and draws new outcomes for them. In environments with several
stages, a trial is several rows, and ``follow`` returns the columns of a row that depend on the choices in earlier rows
(``TwoStepTask``). Outcomes cannot depend on earlier choices in any other way.
"""

from __future__ import annotations

from typing import Any

from trialwise.environments.environment import Environment, Recorded, Shown

__all__ = ["BUILT_IN", "Environment", "Recorded", "Shown"]


def __getattr__(name: str) -> Any:
    """Built-in environments by name, ``trialwise.environments.AlienTask``, imported at first access."""
    if name.startswith("__"):
        raise AttributeError(name)
    from trialwise.environments.tasks import BUILT_IN, CLASSES

    if name == "BUILT_IN":
        return BUILT_IN
    if name not in CLASSES:
        raise AttributeError(f"module 'trialwise.environments' has no attribute '{name}'")
    return CLASSES[name]


def __dir__() -> list[str]:
    from trialwise.environments.tasks import CLASSES

    return sorted([*__all__, *CLASSES])

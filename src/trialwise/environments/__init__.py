"""Environments: the tasks that learners act in.

An environment is a small class with two methods. ``show`` makes the sequence that one participant sees; ``potential``
says what each action would bring on each trial, chosen or not. Both get the participant's own random generator::

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

``AlienTask().on(trials)`` takes the sequences from recorded trials and draws new outcomes for them. In tasks of several stages a
trial is several rows, and ``follow`` says what a row shows after the choices before it (``TwoStepTask``). Outcomes depend on
earlier choices in no other way.
"""

from __future__ import annotations

from typing import Any

from trialwise.environments.environment import Environment, Recorded, Shown

__all__ = ["BUILT_IN", "Environment", "Recorded", "Shown"]


def __getattr__(name: str) -> Any:
    """Built-in environments by name, ``trialwise.environments.AlienTask``, found when first asked for."""
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

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

from trialwise.environments.alien import AlienTask, Noise
from trialwise.environments.alien_phases import AlienExperiment
from trialwise.environments.bandit import RestlessBandit
from trialwise.environments.conditioning import Conditioning
from trialwise.environments.environment import Environment, Recorded, Shown
from trialwise.environments.reversal import ProbabilisticReversal
from trialwise.environments.two_step import TwoStepTask

_ALL = (AlienTask, AlienExperiment, Conditioning, ProbabilisticReversal, RestlessBandit, TwoStepTask)

BUILT_IN = {cls.__name__: cls for cls in _ALL}
"""Built-in environments by name, as messages and the command line know them."""

__all__ = [
    "BUILT_IN",
    "AlienExperiment",
    "AlienTask",
    "Conditioning",
    "Environment",
    "Noise",
    "ProbabilisticReversal",
    "Recorded",
    "RestlessBandit",
    "Shown",
    "TwoStepTask",
]

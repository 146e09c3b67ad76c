"""The learners that come with trialwise: one file a family."""

from trialwise.learners.pearce_hall import PearceHall
from trialwise.learners.q_learning import QLearning
from trialwise.learners.rescorla_wagner import RescorlaWagner

BUILT_IN = {cls.__name__: cls for cls in (QLearning, RescorlaWagner, PearceHall)}
"""Built-in learners by name, as the command line knows them."""

"""The learners that come with trialwise: one file a family."""

from trialwise.learners.alien import AlienHierarchicalBayes, AlienQLearning, AlienTaskSets
from trialwise.learners.hierarchical_bayes import HierarchicalBayes
from trialwise.learners.pearce_hall import PearceHall
from trialwise.learners.q_learning import QLearning, StimulusLearning
from trialwise.learners.rescorla_wagner import RescorlaWagner
from trialwise.learners.task_sets import ArgmaxTaskSets, MixedTaskSets, TaskSets
from trialwise.learners.two_step import HybridTwoStep

_ALL = (
    QLearning,
    StimulusLearning,
    TaskSets,
    HierarchicalBayes,
    MixedTaskSets,
    ArgmaxTaskSets,
    RescorlaWagner,
    PearceHall,
    HybridTwoStep,
    AlienQLearning,
    AlienTaskSets,
    AlienHierarchicalBayes,
)

BUILT_IN = {cls.__name__: cls for cls in _ALL}
"""Built-in learners by name, as the command line knows them."""

"""The public names: the one list of them, which `__init__.py` reads and type checkers see.

Learners, functions for them, environments, measures of behaviour, errors and classes of results are in the namespaces at the end; response
families in `responses`.
"""

# data
# namespaces
from . import environments as environments, learners as learners
from .analysis import behaviour as behaviour

# what is done with learners and data
from .analysis.against_truth import recovered as recovered
from .analysis.association import association as association
from .analysis.check import check as check
from .analysis.comparison.compare import compare as compare
from .analysis.conformance.check_learner import check_learner as check_learner
from .analysis.contrasts import contrasts as contrasts
from .analysis.diagnose import diagnose as diagnose
from .analysis.inspect import inspect as inspect
from .analysis.plausible import plausible as plausible
from .analysis.predict import predict as predict
from .analysis.reliability import reliability as reliability
from .base import errors as errors
from .data.collapse import collapse as collapse
from .data.exclude import exclude as exclude
from .data.expansion.declared import repeats as repeats, stages as stages
from .data.load_data import load_data as load_data
from .data.read import read_long as read_long, read_wide as read_wide
from .data.trials import Trials as Trials
from .environments.simulate import simulate as simulate
from .inference.fit import fit as fit
from .inference.load import load as load
from .inference.point import point as point

# a learner of one's own
from .learners import QLearning as QLearning, functions as functions
from .learners.assumptions import assumes as assumes
from .learners.decorator import learner as learner, probabilities as probabilities
from .learners.families import responses as responses
from .learners.parameters import (
    constant as constant,
    hidden as hidden,
    interval as interval,
    positive as positive,
    real as real,
    unit as unit,
)
from .learners.state import memory as memory, softmax_into as softmax_into, state as state
from .likelihoods.evaluate import log_likelihood as log_likelihood, trial_values as trial_values
from .likelihoods.pymc_op import likelihood as likelihood
from .likelihoods.transitions import transitions as transitions
from .reports import results as results
from .reports.report import report as report
from .studies.calibrate import calibrate as calibrate
from .studies.confuse import confuse as confuse
from .studies.recover import recover as recover

__version__: str

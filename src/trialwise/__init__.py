"""trialwise: Bayesian models of how people learn, trial by trial."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialwise.analysis.against_truth import recovered
    from trialwise.analysis.check import Check, check
    from trialwise.analysis.comparison.bayes_factors import bayes_factors
    from trialwise.analysis.comparison.compare import Comparison, compare
    from trialwise.analysis.comparison.integrated import integrated_likelihood
    from trialwise.analysis.conformance.check_learner import check_learner
    from trialwise.analysis.diagnose import Diagnosis, diagnose
    from trialwise.analysis.inspect import inspect
    from trialwise.analysis.predict import Prediction, predict
    from trialwise.base.errors import DataError, FetchError, LearnerError, ModelError, TrialwiseError, UsageError
    from trialwise.data.bundled import data_set
    from trialwise.data.fetch import fetch
    from trialwise.data.read import read_long, read_wide
    from trialwise.data.trials import Trials
    from trialwise.environments import (
        AlienExperiment,
        AlienTask,
        Conditioning,
        ProbabilisticReversal,
        RestlessBandit,
        TwoStepTask,
    )
    from trialwise.environments.simulate import simulate, uniform
    from trialwise.inference.fit import fit
    from trialwise.inference.fitted import Fit, load
    from trialwise.inference.point import Point, point
    from trialwise.learners import (
        AlienHierarchicalBayes,
        AlienQLearning,
        AlienTaskSets,
        ArgmaxTaskSets,
        HierarchicalBayes,
        HybridTwoStep,
        MixedTaskSets,
        PearceHall,
        QLearning,
        RescorlaWagner,
        StimulusLearning,
        TaskSets,
    )
    from trialwise.learners.decorator import learner, probabilities
    from trialwise.learners.parameters import constant, hidden, interval, positive, real, unit
    from trialwise.learners.state import memory, softmax_into, state
    from trialwise.likelihoods.evaluate import (
        log_likelihood,
        plain_log_likelihood,
        same_hidden,
        trial_log_likelihood,
        trial_values,
    )
    from trialwise.likelihoods.pymc_op import likelihood
    from trialwise.reports.report import report
    from trialwise.studies.calibrate import Calibration, calibrate
    from trialwise.studies.confuse import Confusion, confuse
    from trialwise.studies.recover import Recovery, recover

    __version__: str

_NAMES = {
    "analysis.comparison.bayes_factors": "bayes_factors",
    "studies.calibrate": "Calibration calibrate",
    "analysis.check": "Check check",
    "analysis.comparison.compare": "Comparison compare",
    "analysis.conformance.check_learner": "check_learner",
    "studies.confuse": "Confusion confuse",
    "data.bundled": "data_set",
    "analysis.diagnose": "Diagnosis diagnose",
    "environments": "AlienExperiment AlienTask Conditioning ProbabilisticReversal RestlessBandit TwoStepTask",
    "base.errors": "DataError FetchError LearnerError ModelError TrialwiseError UsageError",
    "likelihoods.evaluate": "log_likelihood plain_log_likelihood same_hidden trial_log_likelihood trial_values",
    "data.fetch": "fetch",
    "inference.fit": "fit",
    "inference.fitted": "Fit load",
    "inference.point": "Point point",
    "analysis.inspect": "inspect",
    "analysis.comparison.integrated": "integrated_likelihood",
    "learners.decorator": "learner probabilities",
    "learners": "AlienHierarchicalBayes AlienQLearning AlienTaskSets ArgmaxTaskSets HierarchicalBayes HybridTwoStep MixedTaskSets "
    "PearceHall QLearning RescorlaWagner StimulusLearning TaskSets",
    "likelihoods.pymc_op": "likelihood",
    "learners.parameters": "constant hidden interval positive real unit",
    "analysis.predict": "Prediction predict",
    "data.read": "read_long read_wide",
    "studies.recover": "Recovery recover",
    "analysis.against_truth": "recovered",
    "reports.report": "report",
    "environments.simulate": "simulate uniform",
    "learners.state": "memory softmax_into state",
    "data.trials": "Trials",
}
"""The public names of each module: found when first asked for, so that nothing heavy is imported before it is needed."""

_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


class _Package(ModuleType):
    """A package whose public names win over its modules of the same name.

    Importing ``trialwise.simulate`` would bind the module here, over the function that users call.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULE_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"trialwise.{_MODULE_OF[name]}"), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("trialwise")
    else:
        raise AttributeError(f"module 'trialwise' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF, "__version__"])


__all__ = [
    "AlienExperiment",
    "AlienHierarchicalBayes",
    "AlienQLearning",
    "AlienTask",
    "AlienTaskSets",
    "ArgmaxTaskSets",
    "Calibration",
    "Check",
    "Comparison",
    "Conditioning",
    "Confusion",
    "DataError",
    "Diagnosis",
    "FetchError",
    "Fit",
    "HierarchicalBayes",
    "HybridTwoStep",
    "LearnerError",
    "MixedTaskSets",
    "ModelError",
    "PearceHall",
    "Point",
    "Prediction",
    "ProbabilisticReversal",
    "QLearning",
    "Recovery",
    "RescorlaWagner",
    "RestlessBandit",
    "StimulusLearning",
    "TaskSets",
    "Trials",
    "TrialwiseError",
    "TwoStepTask",
    "UsageError",
    "bayes_factors",
    "calibrate",
    "check",
    "check_learner",
    "confuse",
    "compare",
    "constant",
    "data_set",
    "diagnose",
    "fetch",
    "fit",
    "hidden",
    "inspect",
    "integrated_likelihood",
    "interval",
    "learner",
    "likelihood",
    "load",
    "log_likelihood",
    "memory",
    "plain_log_likelihood",
    "point",
    "positive",
    "predict",
    "probabilities",
    "read_long",
    "read_wide",
    "real",
    "recover",
    "recovered",
    "report",
    "same_hidden",
    "simulate",
    "softmax_into",
    "state",
    "trial_log_likelihood",
    "trial_values",
    "uniform",
    "unit",
]

"""The classes of results, as returned by each verb, for type hints and ``isinstance``."""

from __future__ import annotations

from trialwise.analysis.association import Association
from trialwise.analysis.check import Check
from trialwise.analysis.comparison.comparison import Comparison
from trialwise.analysis.conformance.check_learner import Conformance
from trialwise.analysis.contrasts import Contrasts
from trialwise.analysis.diagnose import Diagnosis
from trialwise.analysis.inspect import Inspection
from trialwise.analysis.plausible import PlausibleValues
from trialwise.analysis.predict import Prediction
from trialwise.analysis.reliability import Reliability
from trialwise.base.result import Finding, Result
from trialwise.data.load_data import LoadedData
from trialwise.environments.simulation import Simulation
from trialwise.inference.fitted import Fit
from trialwise.inference.point import Point
from trialwise.studies.calibration import Calibration
from trialwise.studies.confusion import Confusion
from trialwise.studies.recovery import Recovery

__all__ = [
    "Association",
    "Calibration",
    "Check",
    "Comparison",
    "Conformance",
    "Confusion",
    "Contrasts",
    "Diagnosis",
    "Finding",
    "Fit",
    "Inspection",
    "LoadedData",
    "PlausibleValues",
    "Point",
    "Prediction",
    "Recovery",
    "Reliability",
    "Result",
    "Simulation",
]

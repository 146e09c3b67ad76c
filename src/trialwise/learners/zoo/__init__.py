"""Built-in learners: one module per family, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import classes_in
from trialwise.learners.learner import Learner

BUILT_IN = classes_in(__name__, __path__, Learner)
"""Built-in learners by the names used on the command line, with families in alphabetical order."""

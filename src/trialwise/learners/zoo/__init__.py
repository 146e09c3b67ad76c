"""The learners that come with trialwise: one file a family, found by themselves."""

from __future__ import annotations

from trialwise.base.discovery import classes_in
from trialwise.learners.learner import Learner

BUILT_IN = classes_in(__name__, __path__, Learner)
"""Built-in learners by name, families in alphabetical order: as the command line knows them."""

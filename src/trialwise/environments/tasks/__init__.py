"""Built-in environments: one module each, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import classes_in
from trialwise.environments.environment import Environment

CLASSES = classes_in(__name__, __path__, object)
"""All public classes of these modules by name: environments, and the types of some of their arguments."""

BUILT_IN: dict[str, type[Environment]] = {name: each for name, each in CLASSES.items() if issubclass(each, Environment)}
"""Built-in environments by the names used in messages and on the command line."""

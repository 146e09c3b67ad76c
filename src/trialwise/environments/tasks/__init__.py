"""The tasks that come with trialwise: one file each, found by themselves."""

from __future__ import annotations

from trialwise.base.discovery import classes_in
from trialwise.environments.environment import Environment

CLASSES = classes_in(__name__, __path__, object)
"""All public classes of the tasks by name: environments, and what some take as arguments."""

BUILT_IN: dict[str, type[Environment]] = {name: each for name, each in CLASSES.items() if issubclass(each, Environment)}
"""Built-in environments by name, as messages and the command line know them."""

"""What verbs accept as an environment: one of this package or of a user; recorded trials, or what they can be read from."""

from __future__ import annotations

from os import PathLike

from trialwise.base.errors import UsageError
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.environments.environment import ENVIRONMENT, Environment, EnvironmentLike, Recorded
from trialwise.environments.tasks import BUILT_IN

type EnvironmentOrData = EnvironmentLike | Data
"""An environment, one along recorded sequences, recorded trials, or what they are read from."""


def as_environment(environment: EnvironmentOrData) -> EnvironmentLike:
    """An environment or recorded trials as they are; trials that are read from a path or a DataFrame.

    Raises
    ------
    UsageError
        If it is the name of an environment, which is an object in Python.
    DataError
        As the readers.
    """
    if isinstance(environment, Environment | Recorded):
        return environment
    if isinstance(environment, str | PathLike) and str(environment) in BUILT_IN:
        raise UsageError(f"{str(environment)!r} is the name of an environment: write {environment}()")
    return as_trials(environment, warn=True)


ENVIRONMENT_OR_DATA = ENVIRONMENT | DATA
"""What functions expect that take an environment or recorded trials."""

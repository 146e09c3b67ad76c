"""Environments by name: built in, or in a user's file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import LearnerError, TrialwiseError, UsageError
from trialwise.cli.options.own_file import load

if TYPE_CHECKING:
    from trialwise.data.trials import Trials
    from trialwise.environments.environment import Environment, EnvironmentLike
    from trialwise.learners.learner import Learner


def find_environment(name: str, trials: int | None = None) -> Environment:
    """An environment by name.

    Parameters
    ----------
    name
        ``AlienTask``, or ``mine.py:MyEnvironment``, a class that needs no arguments, or an object.
    trials
        Number of trials of a participant; None for the default length.

    Raises
    ------
    UsageError
        If there is no such environment, or it cannot be made with this number of trials.
    LearnerError
        If the file cannot be imported.
    """
    from trialwise.environments.environment import Environment
    from trialwise.environments.tasks import BUILT_IN

    in_file = re.fullmatch(r"(.+\.py):(\w+)", name)
    if not in_file and name not in BUILT_IN:
        raise UsageError(
            f"--environment {name}: there is no such environment; available are {', '.join(BUILT_IN)}, and your own: "
            "mine.py:MyEnvironment"
        )
    kind = _in_file(Path(in_file[1]), in_file[2]) if in_file else BUILT_IN[name]
    if isinstance(kind, Environment):
        if trials is not None:
            raise UsageError(f"--trials: {name} is already made, with a number of trials of its own; name its class")
        return kind
    try:
        return kind.of_length(trials)
    except TrialwiseError:
        raise
    except Exception as error:
        raise LearnerError(
            f"{name} could not be made: {type(error).__name__}: {error}. Give each of its arguments a default, or name an object "
            "of the file"
        ) from error


def _in_file(path: Path, name: str) -> Environment | type[Environment]:
    from trialwise.environments.environment import Environment

    module = load(path)
    thing: Any = getattr(module, name, None)
    if isinstance(thing, Environment) or (isinstance(thing, type) and issubclass(thing, Environment)):
        return thing  # type: ignore[no-any-return]
    own = [each for each, value in vars(module).items() if isinstance(value, type) and issubclass(value, Environment)]
    own = [each for each in own if each != "Environment"]
    problem = "is not an environment" if thing is not None else "is not in the file"
    raise UsageError(
        f"--environment {path}:{name}: {name} {problem}: an environment is a class based on tw.environments.Environment; in the "
        f"file: {', '.join(own) or 'none'}"
    )


def default_environment(learner: Learner) -> str:
    """The name of a learner's default environment: the one made for it, conditioning if it does not choose, or else the alien task."""
    return own_environment(type(learner).__name__) or ("AlienTask" if learner.acts else "Conditioning")


def own_environment(learner: str) -> str | None:
    """The name of the environment that a built-in learner was made for; None if there is none."""
    from trialwise.environments.tasks import BUILT_IN

    return next((name for name, kind in BUILT_IN.items() if learner in kind.learners), None)


def environment_for(
    learner: Learner, recorded: Trials | None = None, trials: int | None = None, name: str | None = None
) -> EnvironmentLike:
    """The environment that a learner acts in.

    Parameters
    ----------
    learner
        The learner.
    recorded
        Trials whose sequences are used instead of new ones.
    trials
        Number of new trials of a participant; None for the default length.
    name
        Name of the environment; None for the learner's default. A learner without actions needs none where ``recorded`` has outcomes.

    Raises
    ------
    UsageError
        If there is no such environment, or ``trials`` are asked for in recorded sequences.
    """
    if recorded is not None and trials is not None:
        raise UsageError(
            "--trials is for new sequences: with --on the data determine the number of trials; leave --trials out"
        )
    if recorded is not None and name is None and not learner.acts:
        return recorded
    environment = find_environment(name or default_environment(learner), trials)
    return environment if recorded is None else environment.on(recorded)


def outcome_spread(environment: EnvironmentLike) -> float:
    """The standard deviation of the outcomes: of the recorded ones, or of one participant's simulated sequence; 1 if they do not vary."""
    import numpy as np

    from trialwise.analysis.true_values import outcome_spread as simulated
    from trialwise.data.trials import Trials
    from trialwise.environments.environment import Environment

    if isinstance(environment, Environment):
        return simulated(environment, 0) or 1.0
    recorded = environment if isinstance(environment, Trials) else environment.trials
    spreads = [float(np.nanstd(values)) for values in recorded.outcome.values() if np.isfinite(values).any()]
    return max(spreads, default=0.0) or 1.0

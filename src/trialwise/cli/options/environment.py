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
        That of a built-in environment, or ``mine.py:MyEnvironment``, a class that needs no arguments, or an object.
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


def own_environment(learner: str) -> str | None:
    """The name of the environment that a built-in learner was made for; None if there is none."""
    from trialwise.environments.tasks import BUILT_IN

    return next((name for name, kind in BUILT_IN.items() if learner in kind.learners), None)


def environments_for(learner: Learner) -> list[str]:
    """The built-in environments that a learner can act in: with actions if it chooses, otherwise without."""
    from trialwise.environments.tasks import BUILT_IN

    return [name for name, kind in BUILT_IN.items() if ("action" in kind.of_length().levels) == learner.acts]


def general_environment(learner: Learner) -> str:
    """A built-in environment that a learner can act in: the one with the fewest actions that was not made for other learners, if any."""
    from trialwise.environments.tasks import BUILT_IN

    names = environments_for(learner)
    general = [name for name in names if not BUILT_IN[name].learners]
    return min(general or names, key=lambda name: len(BUILT_IN[name].of_length().levels.get("action", ())))


def _default_environment(learner: Learner) -> str:
    """The name of the environment that a learner was made for.

    Raises
    ------
    UsageError
        If there is none.
    """
    own = own_environment(type(learner).__name__)
    if own is None:
        raise UsageError(
            f"{learner!r} was made for no particular environment: name the one it acts in with --environment, one of "
            f"{', '.join(environments_for(learner))}, or your own, mine.py:MyEnvironment"
        )
    return own


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
        Name of the environment; None for the one that the learner was made for. A learner without actions needs none where
        ``recorded`` has outcomes.

    Raises
    ------
    UsageError
        If there is no such environment, none is named and the learner has none, or ``trials`` are asked for in recorded sequences.
    """
    if recorded is not None and trials is not None:
        raise UsageError(
            "--trials is for new sequences: with --on the data determine the number of trials; leave --trials out"
        )
    if recorded is not None and name is None and not learner.acts:
        return recorded
    environment = find_environment(name or _default_environment(learner), trials)
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

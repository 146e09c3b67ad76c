"""Simulation of learners in environments with known parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import LearnerError, ModelError, UsageError
from trialwise.base.expects import COUNT, FLAG, LABELS, VALUES, expects
from trialwise.base.message import Argument
from trialwise.base.streams import Stream, checked_seed, stream
from trialwise.data.trials import MISSED, Trials
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.environments.environment import Environment, EnvironmentLike, Recorded
from trialwise.environments.simulation import Simulation
from trialwise.environments.stage import Stage, along, as_recorded, generate
from trialwise.environments.tasks import BUILT_IN
from trialwise.environments.true_parameters import drawn_values, participants_and_values
from trialwise.learners.learner import LEARNER, Learner
from trialwise.learners.responses import as_trials
from trialwise.learners.responses.family import ResponseFamily, random_numbers

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.engine import Packed


@expects(
    learner=LEARNER,
    environment=ENVIRONMENT_OR_DATA,
    parameters=VALUES,
    participants=COUNT | LABELS,
    keep_missed=FLAG,
)
def simulate(
    learner: Learner,
    environment: EnvironmentOrData,
    parameters: Mapping[str, Any] | pd.DataFrame,
    seed: int = 0,
    participants: int | Sequence[Hashable] | None = None,
    *,
    keep_missed: bool = False,
) -> Simulation:
    """Simulate a learner in an environment, with known parameters.

    Random numbers depend only on seed, participant label and purpose: a participant has the same sequences, the same potential
    outcomes and the same random numbers for choices, regardless of the learner and of the other participants.

    Parameters
    ----------
    learner
        A learner, e.g. ``QLearning(initial=1.2)``.
    environment
        An environment, ``AlienTask()``; an environment with recorded sequences, ``AlienTask().on(trials)``; or recorded trials
        alone, or their path or table, for a learner with a continuous response, whose responses do not affect what is shown.
    parameters
        For each free parameter, on its natural scale, a number, an array ``(participants,)``, or a distribution from
        which each participant's value is drawn: a pair ``(low, high)`` for a uniform distribution, or a frozen distribution of
        :mod:`scipy.stats`. The ``parameters`` of another simulation can be used as well.
    seed
        A non-negative integer.
    participants
        Number of participants, or their labels. By default those of the table of parameters or of the recorded trials; otherwise
        the number of values in the arrays, or one.
    keep_missed
        For recorded sequences only: whether the simulated participant also misses responses that were missed in the data, each of
        several responses where it was missed. By default, it responds on every trial.

    Returns
    -------
    Simulation

    Raises
    ------
    UsageError
        If arguments are inconsistent, or a parameter is missing, unknown or out of its range.
    ModelError
        If a response has no finite probability at these parameters.

    Examples
    --------
    >>> truth = {"alpha": (0, 0.2), "beta": (1, 5), "forget": 0}
    >>> simulation = tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=40), truth, participants=3)
    >>> simulation.trials.n_trials, list(simulation.parameters)
    (120, ['participant', 'alpha', 'beta', 'forget'])
    """
    import pandas as pd

    from trialwise.learners.parameter_values import matrix

    seed = checked_seed(seed)
    stream_of = partial(stream, seed)
    environment = as_environment(environment)
    if keep_missed and isinstance(environment, Environment):
        raise UsageError(
            Argument("keep_missed", True),
            f" is for recorded sequences; {environment!r} has no missed responses: leave it out",
        )
    labels, values = participants_and_values(parameters, environment, participants)
    stage = _stage(learner, environment, labels, stream_of, keep_missed)
    _check_assumptions(learner, environment, stage)
    free = matrix(
        learner, stage.trials, {name: drawn_values(name, value, labels, stream_of) for name, value in values.items()}
    )
    if np.isnan(free).any():
        n, k = np.argwhere(np.isnan(free))[0]
        raise UsageError(f"{learner.names[k]} of participant {labels[n]!r} is missing (NaN): give it a number")
    stage, trials, log_probability, hidden = _run(learner, stage, free, stream_of)
    trials = replace(trials, notes=(*trials.notes, f"simulated: {learner!r} in {environment!r}, seed {seed}"))
    table = pd.DataFrame({"participant": labels, **dict(zip(learner.names, free.T, strict=True))})
    potential = stage.potential[:, :, 0] if len(stage.outcomes) == 1 else stage.potential
    return Simulation(learner, trials, table, int(seed), log_probability, hidden, potential)


def _run(
    learner: Learner, stage: Stage, free: np.ndarray, stream: Stream
) -> tuple[Stage, Trials, np.ndarray, np.ndarray | None]:
    """Simulate all trials; return the final stage, the trials, log-probabilities and hidden choices."""
    random = _random_numbers(learner, stage.trials, stream)
    try:
        return _settled(learner, stage, free, random)
    except LearnerError:
        if stage.lead is None:
            raise
    return _settled(learner, _row_by_row(learner, stage, free, random), free, random)


def _row_by_row(learner: Learner, stage: Stage, free: np.ndarray, random: np.ndarray) -> Stage:
    """The stage as the choices make it, settled one row after the other: rows that do not yet follow from the choices before them
    may be impossible in the task, so that the learner raises an error on them."""
    from trialwise.engine import pack, run_rollout

    lengths = stage.trials.lengths
    number = np.arange(stage.trials.n_trials) - np.repeat(stage.trials.offsets[:-1], lengths)
    choice = np.full(stage.trials.n_trials, MISSED, np.int64)
    for count in range(1, int(lengths.max(initial=0)) + 1):
        rows = np.flatnonzero(number < count)
        template = _template(learner, stage).beginning(count)
        if template.without_outcome.all() and count < lengths.max():
            continue
        potential = np.ascontiguousarray(stage.potential[rows])
        actions = _actions(learner, run_rollout(learner, pack(learner, template), free, potential, random[rows])[0])
        if actions is not None:
            choice[rows] = actions
        stage = stage.after(choice)
    return stage


def _settled(
    learner: Learner, stage: Stage, free: np.ndarray, random: np.ndarray
) -> tuple[Stage, Trials, np.ndarray, np.ndarray | None]:
    """As :func:`_run`, all rows at once, until the choices change nothing."""
    from trialwise.engine import pack, responses_of, run_rollout

    while True:
        template = _template(learner, stage)
        packed = pack(learner, template)
        potential = np.ascontiguousarray(stage.potential)
        simulated, log_probability, hidden = run_rollout(learner, packed, free, potential, random)
        # Choices can change what is shown on later rows. With the same random numbers, each repetition makes at least one more
        # row consistent with the preceding choices, and the rows before it do not change.
        next_stage = stage.after(_actions(learner, simulated))
        if next_stage is stage:
            break
        stage = next_stage
    _check_finite(learner, template, log_probability, free)
    first = packed.outcome[0][2] if packed.outcome else 0
    outcome = {name: simulated.reals[:, first + k].copy() for k, name in enumerate(stage.outcomes)}
    responses = as_trials(
        (each.name, each.family, each.observed(simulated.observed)) for each in responses_of(learner, packed.actions)
    )
    return stage, replace(template, outcome=outcome, rt=None, **responses), log_probability, hidden


def _actions(learner: Learner, packed: Packed) -> np.ndarray | None:
    """The action on each trial, ``int64 (trials,)``; None if no response is a choice."""
    from trialwise.engine import responses_of

    acting = [each for each in responses_of(learner, packed.actions) if each.family.acts]
    return acting[0].family.actions(acting[0].observed(packed.observed)) if acting else None


def _template(learner: Learner, stage: Stage) -> Trials:
    """Trials for the engine to overwrite: every choice is the first action, with its potential outcome.

    From them the engine reads which trials require a response and which have an outcome.
    """
    given, scored = stage.given, stage.trials.scored
    outcome = {name: stage.potential[:, 0, k].copy() for k, name in enumerate(stage.outcomes)}
    responses = []
    for name, family in learner.responses.items():
        recorded = _recorded(learner, stage.given, name, family)
        made = stage.asked if recorded is None or not stage.keep_missed else ~family.missing(recorded)
        if scored is None:
            observed = family.unanswered(made)
        elif recorded is None:
            observed = family.unanswered(made & scored)
        else:
            observed = np.where(scored[:, None], family.unanswered(made), recorded)
        responses.append((name, family, observed))
    first = ~learner.family.missing(responses[0][2])
    if not learner.family.learns_when_missing:
        outcome = {part: np.where(first, values, np.nan) for part, values in outcome.items()}
    if "watch" in learner.methods and given is not None:
        outcome = {part: np.where(first, values, given.outcome.get(part, np.nan)) for part, values in outcome.items()}
    return replace(stage.trials, outcome=outcome, rt=None, **as_trials(responses))


def _recorded(learner: Learner, given: Trials | None, name: str, family: ResponseFamily) -> np.ndarray | None:
    """The given values of the response called ``name``; None if there are none."""
    if given is None or not family.in_data(given):
        return None
    named = family.acts or name in given.response or len(learner.responses) == len(given.response) == 1
    return family.observed(given, name) if named else None


def _random_numbers(learner: Learner, trials: Trials, stream: Stream) -> np.ndarray:
    """Random numbers for each trial, ``(trials, numbers)``: for the responses and for the hidden choice."""
    draws = []
    kinds = tuple(kind for family in learner.responses.values() for kind in family.random)
    for label, length in zip(trials.participants, trials.lengths, strict=True):
        response = random_numbers(kinds, stream("response", label), length)
        draws.append(np.column_stack([response, stream("hidden choice", label).random(length)]))
    return np.concatenate(draws)


def _check_assumptions(learner: Learner, environment: EnvironmentLike, stage: Stage) -> None:
    """Refuse recorded trials, or what an environment shows and pays, if they are not what the learner assumes."""
    from trialwise.learners.violations import check_assumptions

    recorded = environment.trials if isinstance(environment, Recorded) else environment
    if isinstance(recorded, Trials):
        check_assumptions(learner, recorded)
    check_assumptions(learner, stage.trials, {name: stage.potential[:, :, k] for k, name in enumerate(stage.outcomes)})


def _stage(
    learner: Learner, environment: EnvironmentLike, labels: Sequence[Hashable], stream: Stream, keep: bool
) -> Stage:
    chooses = learner.acts
    if isinstance(environment, Trials):
        if chooses:
            raise UsageError(
                "recorded trials contain no outcomes of actions that were not chosen: write environment.on(trials), with the environment "
                f"that they come from; available are {_names()}, and your own (see trialwise.environments)"
            )
        return as_recorded(environment, labels, keep)
    base = environment.environment if isinstance(environment, Recorded) else environment
    has_actions = "action" in base.levels
    if chooses and not has_actions:
        raise UsageError(
            f"{base!r} has no actions but {learner} chooses: use another environment ({_names()}), "
            "or a learner with a continuous response"
        )
    if has_actions and not chooses:
        raise UsageError(
            f"outcomes in {base!r} depend on a choice but {learner} makes none: use an environment without actions, "
            "or recorded trials"
        )
    if isinstance(environment, Recorded):
        return along(environment, labels, stream, keep)
    return generate(environment, labels, stream)


def _check_finite(learner: Learner, trials: Trials, log_probability: np.ndarray, free: np.ndarray) -> None:
    families = learner.responses.items()
    made = np.any([~family.missing(family.observed(trials, name)) for name, family in families], axis=0)
    scored = made & trials.unforced
    invalid = np.flatnonzero(scored & ~np.isfinite(log_probability))
    if len(invalid):
        n = trials.participant_index[invalid[0]]
        values = ", ".join(f"{name}={value:g}" for name, value in zip(learner.names, free[n], strict=True))
        raise ModelError(
            f"{learner}: on trial {invalid[0] - trials.offsets[n] + 1} of participant {trials.participants[n]!r} the "
            f"response has no finite probability at {values}. Check what the learner computes there, or draw parameters "
            "from smaller ranges"
        )


def _names() -> str:
    return ", ".join(f"{name}()" for name in BUILT_IN)

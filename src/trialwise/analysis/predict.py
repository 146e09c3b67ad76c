"""Predictions: what participants would do, by draws of a posterior or of the prior.

*Rollout*: agents live through the task by themselves, their choices bring outcomes, and these teach them; for that an environment
must say what each choice brings. *One-step*: what each choice would be, given everything the participant really did and got
before it. The two answer different questions and are not to be confused: a learner that is led by the hand one trial after the
other can look right and still go another way when it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from trialwise.analysis.true_values import labels_in, population_in, posterior_draws
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.result import Result
from trialwise.base.streams import checked_seed, stream, stream_seed
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.environments.simulate import simulate
from trialwise.environments.tasks import BUILT_IN
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.learners.parameter_values import matrix
from trialwise.learners.responses import families_in
from trialwise.learners.responses.family import random_numbers
from trialwise.likelihoods.kinds import likelihood_of

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["rollout", "one-step"]

PARTICLES = 100
"""Of the filter that says what comes next, for a learner with a hidden choice."""


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Result):
    """Simulated data sets, one for each draw of the parameters, each made when it is asked for: however many there are, one is in
    memory.

    Attributes
    ----------
    kind
        ``"rollout"`` or ``"one-step"``.
    learner
        Who acts.
    parameters
        Of each draw, ``{name: (participants,)}`` on the natural scale.
    surroundings
        The environment, or for one-step predictions the recorded trials.
    participants
        Labels.
    seed
        With all this it determines every data set; draw number k uses numbers of its own.
    """

    kind: Kind
    learner: Learner
    parameters: Sequence[Mapping[str, np.ndarray]]
    surroundings: Environment | Recorded | Trials
    participants: Sequence
    seed: int

    contents = {"parameters": "parameters of the first draw, a row a participant"}

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Trials]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> Trials:
        """The data set of one draw."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"draw {number} of {len(self)}")
        number %= len(self)
        seed = stream_seed(self.seed, "predictive data set", self.kind, number)
        values = self.parameters[number]
        if isinstance(self.surroundings, Trials):
            return one_step(self.learner, self.surroundings, values, seed)
        keep = isinstance(self.surroundings, Recorded)
        return simulate(self.learner, self.surroundings, values, seed, list(self.participants), keep_missed=keep).trials

    def table(self, number: int) -> pd.DataFrame:
        """The parameters of one draw, a row a participant."""
        import pandas as pd

        return pd.DataFrame({"participant": list(self.participants), **self.parameters[number]})

    def tables(self) -> dict[str, pd.DataFrame]:
        """``parameters`` of the first draw; :meth:`table` has those of any."""
        return {"parameters": self.table(0)}

    @property
    def headline(self) -> str:
        """Kind, learner, data sets and participants."""
        return (
            f"Prediction({self.kind}, {self.learner!r}, {len(self)} data sets of {len(self.participants)} participants)"
        )


def predict(
    source: Fit | Learner, kind: Kind, environment: Environment | Recorded | Trials | None = None, *, datasets: int = 100,
    participants: int | Sequence | None = None, seed: int = 0,
) -> Prediction:  # fmt: skip
    """What participants would do.

    Parameters
    ----------
    source
        A fit: by draws of its posterior, spread evenly over its chains. A learner: by draws of its default prior, a new group
        and new participants each time.
    kind
        ``"rollout"``: agents act by themselves. ``"one-step"``: each choice given what really came before it.
    environment
        Rollouts need one, ``AlienTask()``, for what is not recorded: the outcomes of choices that nobody made. For a fit it is put
        on the fit's own sequences, missed trials included. Predictions of a learner, which has no data, may go along any:
        ``AlienTask().on(trials)``, or, one step at a time, ``trials`` themselves.
    datasets
        How many.
    participants
        How many agents the prior makes in a new environment; default 30.
    seed
        The same seed gives the same data sets.

    Returns
    -------
    Prediction
        Iterate over it for data sets (:class:`~trialwise.data.trials.Trials`).

    Raises
    ------
    UsageError
        If the kind is none of the two, or the environment is missing or cannot be.
    """
    if kind not in ("rollout", "one-step"):
        raise UsageError(
            f'kind={kind!r}: write "rollout", agents by themselves, or "one-step", each choice given what really came before it'
        )
    if datasets < 1:
        raise UsageError(Argument("datasets", datasets), ": 1 or more is wanted")
    seed = checked_seed(seed)
    recorded = source.trials if isinstance(source, Fit) else environment
    if kind == "one-step":
        if isinstance(recorded, Recorded):
            recorded = recorded.trials
        if isinstance(source, Fit) and environment is not None:
            raise UsageError("one-step predictions are about the fit's own trials: leave the environment out")
        if not isinstance(recorded, Trials) or not any(family.acts for family in families_in(recorded)):
            raise UsageError('one-step predictions need recorded choices: predict(learner, "one-step", trials)')
        surroundings: Environment | Recorded | Trials = recorded
    elif isinstance(environment, Environment) and isinstance(source, Fit):
        surroundings = environment.on(source.trials)
    elif isinstance(environment, Environment | Recorded):
        surroundings = environment
    else:
        raise UsageError(
            'kind="rollout" needs an environment, since recorded trials hold no outcome for what was not chosen: name the one '
            f"they come from, environment=AlienTask(); there are {', '.join(f'{name}()' for name in BUILT_IN)}, and your own"
        )
    if isinstance(source, Fit):
        learner, labels = source._learner("predict"), list(source.trials.participants)
        values = _posterior(source, datasets)
    else:
        learner = source
        labels = labels_in(surroundings, participants)
        population, random = population_in(learner, surroundings, seed), stream(seed, "prior predictive parameters")
        values = [population.natural(population.draw(len(labels), random).u) for _ in range(datasets)]
    return Prediction(kind, learner, values, surroundings, labels, seed)


def _posterior(fit: Fit, datasets: int) -> list[dict[str, np.ndarray]]:
    """Draws spread evenly over the chains laid end to end."""
    stacked = posterior_draws(fit)
    at = np.linspace(0, len(next(iter(stacked.values()))), datasets, endpoint=False).astype(int)
    return [{name: values[k] for name, values in stacked.items()} for k in at]


def choice_probabilities(
    learner: Learner, trials: Trials, parameters: Mapping[str, np.ndarray], seed: int = 0
) -> np.ndarray:
    """The probability of every action on every trial, given what came before it, ``(trials, actions)``; NaN where missed.

    With a hidden choice it is that of a filter of 100 particles, an average over what may have been chosen so far.
    """
    likelihood = likelihood_of(learner, trials, particles=PARTICLES, seed=seed)
    record = likelihood.predictions(matrix(learner, trials, parameters))
    return record[:, 1 : 1 + trials.sizes["action"]]


def one_step(learner: Learner, trials: Trials, parameters: Mapping[str, np.ndarray], seed: int) -> Trials:
    """The trials with each choice drawn anew, given the real ones before it.

    Missed choices stay missed. The outcome of a choice that was not the real one is not known: NaN.
    """
    family, name = learner.family, next(iter(learner.responses))
    if not family.acts or not family.in_data(trials):
        raise UsageError("one-step predictions are of choices")
    likelihood = likelihood_of(learner, trials, particles=PARTICLES, seed=seed)
    observed = family.observed(trials, name)
    random = np.concatenate([
        random_numbers(family.random, stream(seed, "one-step response", label), length)
        for label, length in zip(trials.participants, trials.lengths, strict=True)
    ])  # fmt: skip
    drawn = likelihood.draw(matrix(learner, trials, parameters), random)
    same = (drawn == observed).all(axis=1)
    outcome = {part: np.where(same, values, np.nan) for part, values in trials.outcome.items()}
    return replace(trials, **family.as_trials(name, drawn), outcome=outcome)

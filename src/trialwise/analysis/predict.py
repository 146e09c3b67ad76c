"""Predictions of behaviour from draws of the posterior or of the prior.

*Rollout*: agents act on their own and learn from the outcomes of their own choices; this requires an environment, which determines
the outcome of each choice. *One-step*: each choice is predicted given the participant's real choices and outcomes before it. The
two answer different questions: one-step predictions look good because they see the real past, and the same learner may still
diverge from the participants in a rollout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from trialwise.analysis.true_values import labels_in, population_in, posterior_draws
from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, LABELS, NAME, expects
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.base.result import Result
from trialwise.base.streams import checked_seed, stream, stream_seed
from trialwise.data.trials import Trials
from trialwise.engine import responses_of
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.environments.environment import Environment, EnvironmentLike, Recorded
from trialwise.environments.simulate import simulate
from trialwise.environments.tasks import BUILT_IN
from trialwise.inference.fitted import FIT, Fit
from trialwise.learners.learner import LEARNER, Learner
from trialwise.learners.parameter_values import matrix
from trialwise.learners.responses import as_trials, families_in
from trialwise.learners.responses.family import random_numbers
from trialwise.likelihoods.kinds import likelihood_of

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["rollout", "one-step"]

PARTICLES = 100
"""Particles of the filter that predicts the next choice, for a learner with a hidden choice."""


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Result):
    """Simulated data sets, one for each draw of the parameters.

    Each data set is simulated when it is accessed, so that only one is in memory at a time.

    Attributes
    ----------
    kind
        ``"rollout"`` or ``"one-step"``.
    learner
        The learner that acts.
    parameters
        Parameters of each draw, ``{name: (participants,)}`` on the natural scale.
    environment
        The environment, or for one-step predictions the recorded trials.
    participants
        Labels of the participants.
    seed
        Determines every data set, together with the other attributes; each draw has random numbers of its own.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> prediction = tw.predict(tw.QLearning(initial=1.2), "rollout", task, datasets=2, participants=3)
    >>> len(prediction), prediction[1].n_trials, list(prediction.table(1))
    (2, 120, ['participant', 'alpha', 'beta', 'forget'])
    """

    kind: Kind
    learner: Learner
    parameters: Sequence[Mapping[str, np.ndarray]]
    environment: EnvironmentLike
    participants: Sequence
    seed: int

    contents = {"parameters": "parameters of the first draw, a row a participant"}

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Trials]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> Trials:
        """The simulated data set of one draw."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"draw {number} of {len(self)}")
        number %= len(self)
        seed = stream_seed(self.seed, "predictive data set", self.kind, number)
        values = self.parameters[number]
        if isinstance(self.environment, Trials):
            return one_step(self.learner, self.environment, values, seed)
        keep = isinstance(self.environment, Recorded)
        return simulate(self.learner, self.environment, values, seed, list(self.participants), keep_missed=keep).trials

    def table(self, number: int) -> pd.DataFrame:
        """The parameters of one draw, a row a participant.

        Parameters
        ----------
        number
            Number of the draw, from 0.

        Returns
        -------
        DataFrame
            ``participant`` and each parameter on its natural scale.
        """
        import pandas as pd

        return pd.DataFrame({"participant": list(self.participants), **self.parameters[number]})

    def tables(self) -> dict[str, pd.DataFrame]:
        """``parameters`` of the first draw; :meth:`table` has those of any."""
        return {"parameters": self.table(0)}

    @property
    def headline(self) -> str:
        """The kind of prediction, the learner, and the numbers of data sets and participants."""
        return f"Prediction({self.kind}, {self.learner!r}, {counted(len(self), 'data set')} of {counted(len(self.participants), 'participant')})"


@expects(source=FIT | LEARNER, kind=NAME, environment=ENVIRONMENT_OR_DATA, datasets=COUNT, participants=COUNT | LABELS)
def predict(
    source: Fit | Learner, kind: Kind, environment: EnvironmentOrData | None = None, *, datasets: int = 100,
    participants: int | Sequence | None = None, seed: int = 0,
) -> Prediction:  # fmt: skip
    """Predict behaviour from the posterior of a fit or the prior of a learner.

    Parameters
    ----------
    source
        A fit: predictions use draws of its posterior, spread evenly over its chains. A learner: predictions use draws of its
        default prior, a new group and new participants each time.
    kind
        ``"rollout"``: agents act on their own. ``"one-step"``: each choice is predicted given the real past.
    environment
        Rollouts need an environment, ``AlienTask()``, for the outcomes of choices that nobody made, which are not recorded. For a
        fit, it follows the fit's own sequences, missed trials included. Predictions of a learner, which has no data, may follow
        any sequences: ``AlienTask().on(trials)``, or, for one-step predictions, ``trials`` themselves.
    datasets
        Number of data sets.
    participants
        Number of agents drawn from the prior in a new environment, or their labels; default 30.
    seed
        The same seed gives the same data sets.

    Returns
    -------
    Prediction
        Iterate over it for data sets (:class:`~trialwise.data.trials.Trials`).

    Raises
    ------
    UsageError
        If ``kind`` is neither of the two, or the environment is missing or does not match.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> data_sets = list(tw.predict(fit, "rollout", tw.environments.AlienTask(), datasets=2))
    >>> len(data_sets), data_sets[0].n_trials
    (2, 180)
    >>> prior = tw.predict(tw.QLearning(initial=1.2), "rollout", tw.environments.AlienTask(trials=40), datasets=2, participants=3)
    >>> [data_set.n_trials for data_set in prior]
    [120, 120]
    """
    if kind not in ("rollout", "one-step"):
        raise UsageError(
            Argument("kind", kind),
            ': write "rollout", agents act on their own, or "one-step", each choice given the real past',
        )
    seed = checked_seed(seed)
    environment = None if environment is None else as_environment(environment)
    recorded = source.trials if isinstance(source, Fit) else environment
    if kind == "one-step":
        if isinstance(recorded, Recorded):
            recorded = recorded.trials
        if isinstance(source, Fit) and environment is not None:
            raise UsageError("one-step predictions use the fit's own trials: leave the environment out")
        if not isinstance(recorded, Trials) or not families_in(recorded):
            raise UsageError('one-step predictions need recorded responses: predict(learner, "one-step", trials)')
        environment = recorded
    elif isinstance(environment, Environment) and isinstance(source, Fit):
        environment = environment.on(source.trials)
    elif not isinstance(environment, Environment | Recorded):
        raise UsageError(
            Argument("kind", "rollout"),
            " needs an environment, since recorded trials contain no outcomes of actions that were not chosen: give the one they "
            "come from as ",
            Argument("environment", NAME_ALONE),
            f"; there are {', '.join(f'{name}()' for name in BUILT_IN)}, and your own",
        )
    if isinstance(source, Fit):
        if participants is not None:
            raise UsageError(
                Argument("participants", NAME_ALONE),
                " is for predictions of a learner; those of a fit are of its own participants: leave it out",
            )
        learner, labels = source.learner_for("predict"), list(source.trials.participants)
        values = _posterior(source, datasets)
    else:
        learner = source
        labels = labels_in(environment, participants)
        population, random = population_in(learner, environment, seed), stream(seed, "prior predictive parameters")
        values = [population.natural(population.draw(len(labels), random).u) for _ in range(datasets)]
    return Prediction(kind, learner, values, environment, labels, seed)


def _posterior(fit: Fit, datasets: int) -> list[dict[str, np.ndarray]]:
    """Draws spread evenly over the concatenated chains."""
    stacked = posterior_draws(fit)
    at = np.linspace(0, len(next(iter(stacked.values()))), datasets, endpoint=False).astype(int)
    return [{name: values[k] for name, values in stacked.items()} for k in at]


def one_step(learner: Learner, trials: Trials, parameters: Mapping[str, np.ndarray], seed: int) -> Trials:
    """The trials with each response drawn anew, given the real responses and outcomes before it.

    Missing responses stay missing. The outcome is NaN (unknown) where another action than the real one was drawn.
    """
    if not all(family.in_data(trials) for family in learner.responses.values()):
        needed = ", ".join(learner.responses)
        raise UsageError(f"one-step predictions of {learner} need trials with its responses ({needed})")
    likelihood = likelihood_of(learner, trials, particles=PARTICLES, seed=seed)
    kinds = tuple(kind for family in learner.responses.values() for kind in family.random)
    random = np.concatenate([
        random_numbers(kinds, stream(seed, "one-step response", label), length)
        for label, length in zip(trials.participants, trials.lengths, strict=True)
    ])  # fmt: skip
    drawn = likelihood.draw(matrix(learner, trials, parameters), random)
    fields, outcome = [], trials.outcome
    for response in responses_of(learner, likelihood.packed.actions):
        family, values = response.family, response.observed(drawn)
        fields.append((response.name, family, values))
        if family.acts:
            same = (values == family.observed(trials, response.name)).all(axis=1)
            outcome = {part: np.where(same, each, np.nan) for part, each in outcome.items()}
    return replace(trials, **as_trials(fields), outcome=outcome, rt=None)  # the recorded times are of other choices

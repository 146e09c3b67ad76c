"""Predictions of behaviour from draws of the posterior or of the prior.

*Rollout*: agents act on their own and learn from the outcomes of their own choices; this requires an environment, which determines
the outcome of each choice. *One-step*: each choice is predicted given the participant's real choices and outcomes before it. The
two answer different questions: one-step predictions look good because they see the real past, and the same learner may still
diverge from the participants in a rollout.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from trialwise.analysis.true_values import PARTICIPANTS, labels_in, population_in, posterior_draws
from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, LABELS, MAPPING, NAME, NONE, PATH, TABLE, expects
from trialwise.base.message import NAME_ALONE, Argument, Input
from trialwise.base.result import Result
from trialwise.base.streams import checked_seed, stream, stream_seed
from trialwise.data.by_rows import Rows
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
from trialwise.population.design import Design
from trialwise.population.designs.join import Participants, ParticipantsTable
from trialwise.population.designs.new_participants import design_at, needed, new_design
from trialwise.population.population import GroupDraw, Population

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
        Parameters of each draw, ``{name: (participants,)}`` on the natural scale; of a fit with parameters for each session
        ``(sessions,)``, those of all participants.
    environment
        The environment, or for one-step predictions the recorded trials.
    participants
        Labels of the participants.
    rows
        Which rows of ``parameters`` participants have, if there are several: one a session.
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
    rows: Rows | None = None

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
            trials = one_step(self.learner, self.environment, values, seed)
        else:
            labels = list(self.participants) if self.rows is None else self.rows.labels
            keep = isinstance(self.environment, Recorded)
            trials = simulate(self.learner, self.environment, values, seed, labels, keep_missed=keep).trials
        return trials if self.rows is None else self.rows.joined(trials)

    def table(self, number: int) -> pd.DataFrame:
        """The parameters of one draw, a row a participant, or a session of one.

        Parameters
        ----------
        number
            Number of the draw, from 0.

        Returns
        -------
        DataFrame
            ``participant``, what tells the rows of a participant apart, such as ``session``, and each parameter on its natural scale.
        """
        import pandas as pd

        labels = pd.DataFrame({"participant": list(self.participants)}) if self.rows is None else self.rows.labelled()
        return labels.assign(**self.parameters[number])

    def tables(self) -> dict[str, pd.DataFrame]:
        """``parameters`` of the first draw; :meth:`table` has those of any."""
        return {"parameters": self.table(0)}

    @property
    def headline(self) -> str:
        """The kind of prediction, the learner, and the numbers of data sets and participants."""
        return f"Prediction({self.kind}, {self.learner!r}, {counted(len(self), 'data set')} of {counted(len(self.participants), 'participant')})"


@expects(
    source=FIT | LEARNER, kind=NAME, environment=ENVIRONMENT_OR_DATA, datasets=COUNT,
    participants=COUNT | LABELS | TABLE | PATH | MAPPING, at=MAPPING | NONE, anew=FLAG,
)  # fmt: skip
def predict(
    source: Fit | Learner, kind: Kind, environment: EnvironmentOrData | None = None, *, datasets: int = 100,
    participants: Participants | None = None, at: Mapping[str, object] | None = None,
    anew: bool = False, seed: int = 0,
) -> Prediction:  # fmt: skip
    r"""Predict behaviour from the posterior of a fit or the prior of a learner.

    Parameters
    ----------
    source
        A fit: predictions use draws of its posterior, spread evenly over its chains. A learner: predictions use draws of its
        default prior, a new group and new participants each time.
    kind
        ``"rollout"``: agents act on their own. ``"one-step"``: each choice is predicted given the real past.
    environment
        Rollouts need an environment, ``AlienTask()``, for the outcomes of choices that nobody made, which are not recorded. For a
        fit, it follows the fit's own sequences, missed trials included. Predictions of a learner, which has no data, and those of new
        participants may follow any sequences: ``AlienTask().on(trials)``, or, for one-step predictions of a learner, ``trials`` themselves.
    datasets
        Number of data sets.
    participants
        For a learner, the number of agents drawn from the prior in a new environment, or their labels; default 30. For a fit, **new**
        participants, drawn anew for each draw of the posterior from the group that was fitted (rollouts): their number or labels, or for a
        fit with formulas a table of their covariates, a row each (or a row for each of their sessions), as ``participants=`` of
        :func:`trialwise.fit`. In draw k the unconstrained values of a new participant are

        .. math:: u_{new} = x_{new}' B_k + z_{new}' v, \qquad v \sim \mathrm{Normal}(0, G_k)

        with the covariates coded by the fit's own levels, means and standard deviations, and without formulas
        :math:`u_{new} \sim \mathrm{Normal}(\mu_k, \mathrm{diag}(\sigma_k^2))`. By default a fit predicts its own participants.
    at
        For new participants who all have the same covariates, in place of the table: ``participants=20, at={"age": 60, "group":
        "patient"}``. Of what changes within participants several values may be named, ``{"session": ["s1", "s2"]}``.
    anew
        For a fit's own participants and sequences: their parameters are not those of their own posterior, but drawn anew from the group at
        their covariates, as those of new participants. The predictions then show what the *group* says of behaviour.
    seed
        The same seed gives the same data sets.

    Returns
    -------
    Prediction
        Iterate over it for data sets (:class:`~trialwise.data.trials.Trials`), in which sessions are trials of their participant.

    Raises
    ------
    UsageError
        If ``kind`` is neither of the two, the environment is missing or does not match, or new participants cannot be drawn.
    DataError
        For covariates of new participants that are missing or levels that the fit has not seen, with all problems.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> data_sets = list(tw.predict(fit, "rollout", tw.environments.AlienTask(), datasets=2))
    >>> len(data_sets), data_sets[0].n_trials
    (2, 180)
    >>> new = tw.predict(fit, "rollout", tw.environments.AlienTask(trials=40), datasets=2, participants=["x", "y"])
    >>> new[0].participants
    ('x', 'y')
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
    if isinstance(source, Fit):
        if participants is not None or at is not None:
            if anew:
                raise UsageError(
                    Argument("anew", True),
                    " is about the fit's own participants: leave it out, new ones are always drawn",
                )
            return _of_new(source, kind, environment, datasets, participants, at, seed)
        place = _place_of_fit(source, kind, environment)
        rows = None if source.design is None or not source.design.by_session else source.design.rows
        labels, learner = source.data.participants, source.learner_for("predict")
        values = _drawn(source, source.population, labels, datasets, seed) if anew else _posterior(source, datasets)
        return Prediction(kind, learner, values, place, labels, seed, rows)
    if anew:
        raise UsageError(
            Argument("anew", True), ": predictions of a learner are always of new participants; leave it out"
        )
    if at is not None or isinstance(participants, str | PathLike | Mapping) or TABLE.holds(participants):
        raise UsageError(
            Argument("at" if at is not None else "participants", NAME_ALONE),
            " is about covariates of new participants of a fit with formulas: of a learner give their number, ",
            Argument("participants", PARTICIPANTS),
        )
    place = _place_of_learner(kind, environment)
    labels = tuple(labels_in(place, participants))  # type: ignore[arg-type]
    population, random = population_in(source, place, seed), stream(seed, "prior predictive parameters")
    values = [population.natural(population.draw(len(labels), random).u) for _ in range(datasets)]
    return Prediction(kind, source, values, place, labels, seed)


def _place_of_learner(kind: Kind, environment: EnvironmentLike | None) -> EnvironmentLike:
    """Where a learner acts, or the recorded trials of one-step predictions."""
    if kind == "rollout":
        return _acting(environment)
    recorded = environment.trials if isinstance(environment, Recorded) else environment
    if not isinstance(recorded, Trials) or not families_in(recorded):
        raise UsageError('one-step predictions need recorded responses: predict(learner, "one-step", trials)')
    return recorded


def _place_of_fit(fit: Fit, kind: Kind, environment: EnvironmentLike | None) -> EnvironmentLike:
    """Where a fit's own participants act, or their trials; of several sessions each is a participant there."""
    if kind == "rollout":
        return environment.on(fit.trials) if isinstance(environment, Environment) else _acting(environment)
    if environment is not None:
        raise UsageError("one-step predictions use the fit's own trials: leave the environment out")
    return _place_of_learner(kind, fit.trials)


def _acting(environment: EnvironmentLike | None) -> Environment | Recorded:
    """An environment for agents that act on their own."""
    if isinstance(environment, Environment | Recorded):
        return environment
    raise UsageError(
        Argument("kind", "rollout"),
        " needs an environment, since recorded trials contain no outcomes of actions that were not chosen: give the one they "
        "come from as ",
        Argument("environment", NAME_ALONE),
        f"; there are {', '.join(f'{name}()' for name in BUILT_IN)}, and your own",
    )


def _of_new(
    fit: Fit, kind: Kind, environment: EnvironmentLike | None, datasets: int, participants: Participants | None, at: Mapping[str, object] | None, seed: int
) -> Prediction:  # fmt: skip
    """Rollouts of participants who were not fitted."""
    if kind == "one-step":
        raise UsageError(
            "one-step predictions are given recorded trials, which new participants do not have: leave out ",
            *_given(participants, at), ", or predict ", Argument("kind", "rollout"),
        )  # fmt: skip
    place = _acting(environment)
    learner = fit.learner_for("predict")
    labels, design, rows = _new_rows(fit, participants, at)
    values = _drawn(fit, replace(fit.population, design=design), labels, datasets, seed)
    return Prediction(kind, learner, values, place, labels, seed, rows if rows is not None and rows.several else None)


def _given(participants: Participants | None, at: Mapping[str, object] | None) -> list[str | Input]:
    """Those of the arguments on new participants that were given, to be named in a message."""
    names = [name for name, value in (("participants", participants), ("at", at)) if value is not None]
    first, *others = [Argument(name, NAME_ALONE) for name in names]
    return [first, *(part for each in others for part in (" and ", each))]


def _drawn(
    fit: Fit, population: Population, labels: Sequence[Hashable], datasets: int, seed: int
) -> list[dict[str, np.ndarray]]:
    """Natural values of participants who are drawn from the group, in draws that are spread evenly over the concatenated chains."""
    if fit.pooling == "none":
        raise UsageError(
            Argument("pooling", "none"), " has no group that new participants could come from: fit with ", Argument("pooling", "partial")
        )  # fmt: skip
    chosen = np.linspace(0, fit.draws.count, datasets, endpoint=False).astype(int)
    if fit.draws.shared:
        medians = {name: np.asarray(fit.draws.median(name)) for name in fit.parameters}
        return [{name: np.full(len(labels), each[k]) for name, each in medians.items()} for k in chosen]
    group = fit.draws.groups()
    parts = (part.reshape(fit.draws.count, *part.shape[2:])[chosen] for part in group)
    size = group.spreads.shape[-1]
    y = [stream(seed, "new participants", label).standard_normal((datasets, size)) for label in labels]
    return [population.natural(each) for each in population.members(GroupDraw(*parts), np.stack(y, 1))]


def _new_rows(
    fit: Fit, participants: Participants | None, at: Mapping[str, object] | None
) -> tuple[tuple[Hashable, ...], Design | None, Rows | None]:
    """Labels of new participants, their design, and which rows each has; the last two are None without formulas."""
    table = isinstance(participants, str | PathLike | Mapping) or TABLE.holds(participants)
    stored = fit.design
    if stored is None:
        if table or at is not None:
            raise UsageError(
                "the fit has no formulas, so that covariates of new participants say nothing: leave out ",
                *_given(participants if table else None, at),
                ", and give their number, ",
                Argument("participants", PARTICIPANTS),
            )
        return _labels(participants), None, None
    if at is None and not table:
        raise UsageError(
            "what the fit predicts of new participants depends on their ", listed(needed(stored)), ": give a table with a row for each, ",
            Argument("participants", ...), ", or the same for all, ", Argument("at", dict.fromkeys(needed(stored), ...)),
        )  # fmt: skip
    if at is not None:
        if table:
            raise UsageError(Argument("at", NAME_ALONE), " is in place of a table of participants: give their number with it, ", Argument("participants", PARTICIPANTS))  # fmt: skip
        design, rows = design_at(stored, _labels(participants), at)
        return rows.participants, design, rows
    design, rows = new_design(stored, cast("ParticipantsTable", participants))
    return rows.participants, design, rows


def _labels(participants: Participants | None) -> tuple[Hashable, ...]:
    """The labels of so many participants, from 0, or those given, which have to differ as text."""
    given = PARTICIPANTS if participants is None else participants
    own = tuple(range(given) if isinstance(given, int | np.integer) else cast("Iterable[Hashable]", given))
    if not own or len(set(map(str, own))) < len(own):
        raise UsageError(Argument("participants", list(own)), ": expected one or more labels that differ as text")
    return own


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

"""A study: data sets simulated at known parameters, each worked on by itself, and gathered into one result.

Recovery, calibration and confusion differ in what they do with a data set and in what they make of all of them. What they share
is here: data sets are numbered, each depends on the study and its number alone, and finished ones are kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from trialwise.analysis.true_values import labels_in
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.result import Result
from trialwise.base.streams import checked_seed, stream, stream_seed
from trialwise.base.workers import not_in_a_starting_process
from trialwise.environments.environment import Recorded
from trialwise.environments.simulate import Simulation, Surroundings, simulate
from trialwise.learners.learner import Learner
from trialwise.studies.pieces import run_pieces
from trialwise.studies.store import Piece, Store


@dataclass(frozen=True, eq=False)
class Study[R: Result](ABC):
    """What is asked of every data set, and what is made of all of them.

    Attributes
    ----------
    environment
        What learners act in.
    participants
        Labels of the participants of each data set.
    seed
        With the rest of the study it determines every data set.
    """

    kind: ClassVar[str]
    """Begins the name of the folder of finished pieces."""

    stage: ClassVar[str]
    """Name of the progress bar."""

    environment: Surroundings
    participants: tuple[Hashable, ...]
    seed: int

    @abstractmethod
    def task(self, number: int) -> Piece:
        """One data set simulated and worked on: arrays by name. A function of its number."""

    @abstractmethod
    def gather(self, pieces: dict[int, Piece]) -> R:
        """The result of all data sets."""

    @abstractmethod
    def described(self) -> Mapping[str, str]:
        """The study in words, for a person who looks into its folder."""

    @property
    def examples(self) -> Sequence[int]:
        """Data sets simulated before the work begins, so that arguments that do not fit together are refused at once."""
        return (0,)

    def __call__(self, number: int) -> Piece:
        return self.task(number)

    @abstractmethod
    def simulation(self, number: int) -> Any:
        """The data set of a number."""

    def simulated(self, learner: Learner, parameters: Mapping[str, Any], number: int) -> Simulation:
        """The participants of data set ``number``, acting with the given parameters; recorded misses are kept."""
        return simulate(
            learner, self.environment, parameters, stream_seed(self.seed, "simulated data set", self.kind, number), list(self.participants),
            keep_missed=isinstance(self.environment, Recorded),
        )  # fmt: skip

    def truth_stream(self, number: int) -> np.random.Generator:
        """Random numbers for the true parameters of a data set."""
        return stream(self.seed, "true parameters", self.kind, number)

    def fit_seed(self, number: int) -> int:
        """The seed with which a data set is fitted."""
        return stream_seed(self.seed, "fit of a data set", self.kind, number)

    def run(
        self, datasets: int, *, folder: str | PathLike[str] | None, executor: Any, workers: int | None, progress: bool,
        **words: str,
    ) -> R:  # fmt: skip
        """Do what is not done yet, and gather everything; ``words`` are noted in the folder, too, and identify nothing."""
        for number in self.examples:
            self.simulation(number)
        about = {"environment": repr(self.environment), "participants": str(len(self.participants))}
        store = Store(folder, self.kind, self, {**self.described(), **about, **words})
        return self.gather(
            run_pieces(
                self, range(datasets), store, executor=executor, workers=workers, progress=progress, stage=self.stage
            )
        )


def participants_of(
    environment: Surroundings, participants: int | Sequence[Hashable] | None, datasets: int, seed: int
) -> tuple[Hashable, ...]:
    """Labels of a study's participants, after a look at the arguments that every study has.

    Raises
    ------
    UsageError
        For numbers of data sets or participants that are none, or a seed that is none.
    """
    not_in_a_starting_process()
    check_count("datasets", datasets)
    checked_seed(seed)
    return tuple(labels_in(environment, participants))


def check_count(name: str, value: Any) -> None:
    """Refuse what is no number of things.

    Raises
    ------
    UsageError
        Unless it is a whole number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(Argument(name, value), ": a whole number above 0 is wanted")

"""A study: data sets simulated at known parameters, each analysed separately, and gathered into one result.

Recovery, calibration and confusion differ in how they analyse a data set and how they summarise all of them. This module has
their common part: data sets are numbered, each depends only on the study and its number, and finished ones are stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from trialwise.analysis.true_values import labels_in
from trialwise.base.result import Result
from trialwise.base.streams import checked_seed, stream, stream_seed
from trialwise.base.workers import not_in_a_starting_process
from trialwise.environments.environment import EnvironmentLike, Recorded
from trialwise.environments.simulate import simulate
from trialwise.environments.simulation import Simulation
from trialwise.learners.learner import Learner
from trialwise.studies.resume import run_pieces
from trialwise.studies.store import Piece, Store


@dataclass(frozen=True, eq=False)
class Study[R: Result](ABC):
    """The analysis of a single data set, and the summary of all of them.

    Attributes
    ----------
    environment
        The environment in which learners act.
    participants
        Labels of the participants of each data set.
    seed
        Determines every data set, together with the rest of the study.
    """

    kind: ClassVar[str]
    """First word of the name of the folder of finished pieces."""

    stage: ClassVar[str]
    """Name of the progress bar."""

    environment: EnvironmentLike
    participants: tuple[Hashable, ...]
    seed: int

    @abstractmethod
    def task(self, number: int) -> Piece:
        """Simulate and analyse one data set; returns arrays by name, which depend on its number alone."""

    @abstractmethod
    def gather(self, pieces: dict[int, Piece]) -> R:
        """Summarise all data sets."""

    @abstractmethod
    def description(self) -> Mapping[str, str]:
        """The study's settings as text for readers of its folder."""

    @property
    def examples(self) -> Sequence[int]:
        """Numbers of data sets simulated before the work begins, so that arguments that do not fit together raise at once."""
        return (0,)

    def __call__(self, number: int) -> Piece:
        return self.task(number)

    @abstractmethod
    def simulation(self, number: int) -> Any:
        """Simulate the data set with this number."""

    def simulated(self, learner: Learner, parameters: Mapping[str, Any], number: int) -> Simulation:
        """Simulate the participants of data set ``number`` with the given parameters; recorded missed choices stay missed."""
        return simulate(
            learner, self.environment, parameters, self.simulation_seed(number), list(self.participants),
            keep_missed=isinstance(self.environment, Recorded),
        )  # fmt: skip

    def simulation_seed(self, number: int) -> int:
        """The seed with which a data set is simulated."""
        return stream_seed(self.seed, "simulated data set", self.kind, number)

    def truth_stream(self, number: int) -> np.random.Generator:
        """Random numbers for the true parameters of a data set."""
        return stream(self.seed, "true parameters", self.kind, number)

    def fit_seed(self, number: int) -> int:
        """The seed with which a data set is fitted."""
        return stream_seed(self.seed, "fit of a data set", self.kind, number)

    def run(
        self, datasets: int, *, folder: str | PathLike[str] | None, executor: Any, workers: int | None, progress: bool,
        **remarks: str,
    ) -> R:  # fmt: skip
        """Do the data sets that are not finished yet, and gather all; ``remarks`` are written to the folder but not hashed."""
        for number in self.examples:
            self.simulation(number)
        setting = {"environment": repr(self.environment), "participants": str(len(self.participants))}
        store = Store(folder, self.kind, self, {**self.description(), **setting, **remarks})
        return self.gather(
            run_pieces(
                self, range(datasets), store, executor=executor, workers=workers, progress=progress, stage=self.stage
            )
        )


def participants_of(
    environment: EnvironmentLike, participants: int | Sequence[Hashable] | None, seed: int
) -> tuple[Hashable, ...]:
    """Check the arguments that every study has, and return the labels of its participants.

    Raises
    ------
    UsageError
        If the number of participants, or the seed, is not valid.
    """
    not_in_a_starting_process()
    checked_seed(seed)
    return tuple(labels_in(environment, participants))

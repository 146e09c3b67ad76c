"""A response family: everything about one kind of response, in one object.

To add a family is to add one file to this folder, with its functions and an instance of a subclass of
:class:`ResponseFamily`: it is found by itself. Nothing outside this folder asks which family a learner has; it asks the family.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.base.message import Message
from trialwise.data.trials import Trials
from trialwise.learners.parameters import Parameter
from trialwise.learners.responses.plain_numbers import value

RandomNumber = Literal["uniform", "normal"]
"""A kind of random number: uniform in [0, 1), or standard Normal."""


class Place(NamedTuple):
    """Where the numbers of one of a learner's responses begin.

    Attributes
    ----------
    observed
        The first of its columns in the matrix of what was observed.
    record
        The first of its columns in a record of predictions.
    random
        The first of its columns in the matrix of random numbers.
    """

    observed: int
    record: int
    random: int


class ResponseParts(NamedTuple):
    """The parts of one response on a trial: plain functions, which the engine compiles for each type of number.

    ===========  ========================================================  =================================================
    part         arguments                                                 gives
    ===========  ========================================================  =================================================
    read         observed, t                                               the response: a number, or a tuple of its columns
    write        observed, t, response                                     stores it
    act          agent, state, trial, hidden, preference, last             the answer: the parameters of the response
    score        agent, answer, available, response                        its log-density
    survive      agent, answer, available, response                        log-probability that there was none; None without one
    chance       agent, answer, available, response, weights               density, and a number with its logarithm's tangent
    draw         agent, answer, available, random, t                       a simulated response, and its score
    predict      agent, answer, available, record, t                       writes the trial's predictions; settles the answer
    foresee      agent, answer, available, record, t, share                adds a share of them; settles the answer
    received     response                                                  what ``learn`` receives of it
    last         response                                                  the action taken, for stickiness; -1 if there is none
    ===========  ========================================================  =================================================

    A score is ``(part, scale)`` with log-density ``part - log(scale)``: the value of the density is in the number ``scale``,
    so that the scales of many trials are multiplied before one logarithm is taken; ``part`` may be a dual. Where speed matters only
    ``read`` receives arrays: compiled code counts references to those that are passed on. Partial derivatives are
    written by hand with :func:`trialwise.learners.responses.plain_numbers.chain`. ``weights`` is scratch, one number per action.
    """

    read: Callable
    write: Callable
    act: Callable
    score: Callable
    chance: Callable
    draw: Callable
    predict: Callable
    foresee: Callable
    received: Callable
    last: Callable
    survive: Callable | None = None


class Responding(Protocol):
    """What a family reads of a learner."""

    @property
    def methods(self) -> Mapping[str, Any]: ...
    @property
    def helper_methods(self) -> Mapping[str, Any]: ...
    @property
    def declared(self) -> Mapping[str, Parameter]: ...
    @property
    def gives_probabilities(self) -> bool: ...
    @property
    def hides(self) -> bool: ...
    @property
    def options(self) -> int: ...
    @property
    def hidden(self) -> Any: ...


class ResponseFamily(ABC):
    """One kind of response.

    Attributes
    ----------
    name
        Its name.
    method, arguments
        The method of a learner that gives the parameters of the response, and its arguments after ``self``. Of several families
        with one method the first by name that is ``by_default`` serves methods that :meth:`of` has not marked.
    example
        How to write that method, for messages.
    goes_with_hidden
        Whether the method receives the hidden choice of a learner that makes one.
    columns
        Names of what is observed on a trial; their values are a matrix ``(trials, len(columns))``.
    dtype
        The type of that matrix, ``"float64"``, or ``"int32"`` where all columns are whole numbers: labels stored as such are
        read some nanoseconds faster.
    parameters
        The parameters that the method gives, with their units.
    random
        The random numbers that a simulated response needs.
    wrappers
        Parameters of the wrappers that apply, in the order in which they do.
    acts
        Whether a response is an action of the environment, which decides the outcome.
    scores_missing
        Whether the absence of a response has a probability, that of its part ``survive``: no response came until a deadline.
    learns_when_missing
        Whether ``learn`` runs on a trial with an outcome and no response.
    noun
        The noun for one response; its :attr:`plural` names the observed variable of a PyMC model.
    """

    name: ClassVar[str]
    method: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]] = ("state", "trial")
    by_default: ClassVar[bool] = False
    example: ClassVar[str] = ""
    goes_with_hidden: ClassVar[bool] = False
    columns: ClassVar[tuple[str, ...]]
    dtype: ClassVar[str] = "float64"
    parameters: ClassVar[Mapping[str, str]]
    random: ClassVar[tuple[RandomNumber, ...]]
    wrappers: ClassVar[tuple[Parameter, ...]] = ()
    acts: ClassVar[bool] = False
    scores_missing: ClassVar[bool] = False
    learns_when_missing: ClassVar[bool] = True
    noun: ClassVar[str] = "response"

    @property
    def plural(self) -> str:
        """Several of them: ``choices``."""
        return f"{self.noun}s"

    def __repr__(self) -> str:
        return f"<response family {self.name}>"

    def of(self, method: Callable) -> Callable:
        """Mark a learner's method as giving the parameters of this family."""
        method.family = self  # type: ignore[attr-defined]
        return method

    # -- data ------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def in_data(self, trials: Trials) -> bool:
        """Whether the data hold such responses."""

    @abstractmethod
    def absent(self) -> Message:
        """What is missing from data without such responses, and what to write: the end of a sentence."""

    @abstractmethod
    def observed(self, trials: Trials, name: str) -> np.ndarray:
        """What was observed of the response called ``name``, ``(trials, columns)``."""

    def missing(self, observed: np.ndarray) -> np.ndarray:
        """On which trials nothing was observed, ``bool (trials,)``; unless a family says otherwise, where a number is NaN."""
        return np.isnan(observed).any(axis=1)

    @abstractmethod
    def as_trials(self, name: str, observed: np.ndarray) -> dict[str, Any]:
        """The fields of :class:`~trialwise.data.trials.Trials` that hold what was observed."""

    @abstractmethod
    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        """Observed values for a simulation to overwrite; missing where nothing is ``asked``, ``bool (trials,)``."""

    def actions(self, observed: np.ndarray) -> np.ndarray | None:
        """The action of each trial, ``int64 (trials,)``, -1 where there is none; None for a family that does not act."""
        return None

    # -- kernels ---------------------------------------------------------------------------------------------------------

    @abstractmethod
    def parts(self, learner: Responding, place: Place) -> ResponseParts:
        """What the engine puts a trial together from."""

    def try_method(self, learner: Responding, agent: Any, state: Any, trial: Any, preference: np.ndarray) -> Any:
        """The answer of the method in plain Python, checked.

        Raises
        ------
        LearnerError
            If it is not what the family wants.
        """
        answer = learner.methods[self.method](agent, state, trial)
        if not (isinstance(answer, tuple) and len(answer) == len(self.parameters)):
            raise LearnerError(
                f"{type(learner).__name__}.{self.method} returned {answer!r}: return {self.returns}, "
                f"return {', '.join(self.parameters)}"
            )
        return answer

    @property
    def returns(self) -> str:
        """The parameters in words, for messages."""
        return f"the parameters of the {self.noun}"

    # -- predictions -----------------------------------------------------------------------------------------------------

    def predictions(self, actions: int) -> int:
        """How many numbers a record keeps of a trial's predictions: unless a family says otherwise, its parameters."""
        return len(self.parameters)

    @abstractmethod
    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of a table of trial-wise values, from log-likelihoods ``(trials,)`` and predictions ``(trials, predictions)``."""

    @abstractmethod
    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        """Responses ``(trials, columns)`` from predictions and random numbers ``(trials, len(self.random))``."""

    # -- conformance -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Made-up responses ``(trials, columns)``, none where ``missed``, and which actions were available, if ``masked``."""

    @abstractmethod
    def by_hand(
        self,
        learner: Responding,
        agent: Any,
        state: Any,
        trial: Any,
        hidden: tuple[int, ...],
        last: int,
        row: np.ndarray,
    ) -> float:
        """Log-density of one observed response ``(columns,)``, written independently of the kernels."""

    def received(self, row: np.ndarray) -> Any:
        """What ``learn`` receives of one observed response ``(columns,)``, by hand."""
        return float(row[0])


def chance_from(score: Callable) -> Callable:
    """The part ``chance`` from the part ``score``."""

    def chance(agent, answer, available, response, weights):
        part, scale = score(agent, answer, available, response)
        return math.exp(value(part)) / scale, part

    return chance


def random_numbers(kinds: tuple[RandomNumber, ...], random: np.random.Generator, count: int) -> np.ndarray:
    """Random numbers of some kinds, ``(count, kinds)``, drawn one kind after another."""
    draws = [random.random(count) if kind == "uniform" else random.standard_normal(count) for kind in kinds]
    return np.stack(draws, 1) if draws else np.zeros((count, 0))


def fill(
    learner: Responding,
    method: str,
    preference: np.ndarray,
    entry: str,
    *arguments: Any,
    wanted: Any = True,
    also: str = "",
) -> None:
    """Call a method that fills ``preference`` in plain Python, and check that it does.

    Raises
    ------
    LearnerError
        If it returns something, or leaves an entry that is ``wanted`` empty; ``also`` ends the message.
    """
    preference[:] = np.nan
    answer = learner.methods[method](*arguments, preference)
    name = f"{type(learner).__name__}.{method}"
    if answer is not None:
        raise LearnerError(f"{name} returned {answer!r}: it fills preference[{entry}] and returns nothing")
    empty = np.flatnonzero(np.isnan(preference) & np.asarray(wanted, bool))
    if len(empty):
        raise LearnerError(
            f"{name} left preference[{empty[0]}] empty, or not a number: write preference[{entry}] = ... for {entry} in "
            f"range(len(preference)){also}"
        )


def hidden_field(learner: Responding) -> str:
    """The field that gives the number of hidden options, for messages."""
    name = learner.hidden.name
    return f"{name}={learner.options} says how many options there are: size tables by self.{name}"

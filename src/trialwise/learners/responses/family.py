"""A response family: everything about one kind of response, in one object.

To add a family, add a file to this folder with its functions and an instance of a subclass of :class:`ResponseFamily`; it is
discovered automatically. Code outside this folder does not depend on which family a learner has, but uses its methods.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, overload

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.base.message import Message
from trialwise.data.trials import Trials
from trialwise.learners.parameters import Parameter
from trialwise.learners.responses.plain_numbers import value
from trialwise.learners.state import Table

RandomNumber = Literal["uniform", "normal"]
"""A kind of random number: uniform in [0, 1), or standard Normal."""


class Place(NamedTuple):
    """The first columns of one of a learner's responses.

    Attributes
    ----------
    observed
        First column in the matrix of observed responses.
    record
        First column in a record of predictions.
    random
        First column in the matrix of random numbers.
    """

    observed: int
    record: int
    random: int


class ResponseParts(NamedTuple):
    """The parts of one response on a trial: plain functions, which the engine compiles for each type of number.

    ===========  ========================================================  =================================================
    part         arguments                                                 result
    ===========  ========================================================  =================================================
    read         observed, t                                               the response: a number, or a tuple of its columns
    write        observed, t, response                                     stores it
    act          agent, state, trial, hidden, preference, last             the answer: the parameters of the response
    score        agent, answer, available, response                        its log-density
    survive      agent, answer, available, response                        log-probability of no response; None if not defined
    chance       agent, answer, available, response, weights               density, and a number with its logarithm's tangent
    draw         agent, answer, available, random, t                       a simulated response, and its score
    predict      agent, answer, available, record, t                       writes the trial's predictions; changes the answer
    foresee      agent, answer, available, record, t, share                adds a share of them; changes the answer
    received     response                                                  the response as ``learn`` receives it
    last         response                                                  the action taken, for stickiness; -1 if none
    ===========  ========================================================  =================================================

    A score is ``(part, scale)`` with log-density ``part - log(scale)``: the value of the density is in ``scale``, so that
    the scales of many trials can be multiplied before one logarithm is taken; ``part`` may be a dual. Of the parts where speed matters
    only ``read`` receives arrays, since compiled code counts references to arrays that are passed on. Partial derivatives are
    written by hand with :func:`trialwise.learners.responses.plain_numbers.chain`. ``weights`` is a work array over actions.
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
    """The attributes of a learner that families use."""

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
        The method of a learner that computes the parameters of the response, and its arguments after ``self``. If several families
        have the same method, the first by name that is ``by_default`` applies to methods not marked with :meth:`of`.
    example
        An example of that method, for messages.
    goes_with_hidden
        Whether the method receives the hidden choice of a learner that makes one.
    columns
        Names of the observed variables of a trial; their values are a matrix ``(trials, len(columns))``.
    dtype
        The type of that matrix, ``"float64"``, or ``"int32"`` if all columns are whole numbers, which is some nanoseconds faster
        to read.
    parameters
        The parameters that the method returns, with their units.
    random
        The random numbers that a simulated response needs.
    wrappers
        Parameters of the wrappers that can be added, in the order in which they apply.
    acts
        Whether a response is an action of the environment, which decides the outcome.
    scores_missing
        Whether a missing response has a probability, given by the part ``survive``: no response before a deadline.
    learns_when_missing
        Whether ``learn`` runs on a trial with an outcome and no response.
    noun
        The noun for one response; its :attr:`plural` names the observed variable of a PyMC model.
    """

    name: str
    method: str
    arguments: ClassVar[tuple[str, ...]] = ("state", "trial")
    by_default: ClassVar[bool] = False
    example: ClassVar[str] = ""
    goes_with_hidden: ClassVar[bool] = False
    columns: ClassVar[tuple[str, ...]]
    dtype: ClassVar[str] = "float64"
    parameters: Mapping[str, str]
    random: ClassVar[tuple[RandomNumber, ...]]
    wrappers: ClassVar[tuple[Parameter, ...]] = ()
    acts: ClassVar[bool] = False
    scores_missing: ClassVar[bool] = False
    learns_when_missing: ClassVar[bool] = True
    noun: ClassVar[str] = "response"

    @property
    def plural(self) -> str:
        """The plural of the noun: ``choices``."""
        return f"{self.noun}s"

    def __repr__(self) -> str:
        return f"<response family {self.name}>"

    def of[M: Callable[..., object]](self, method: M) -> M:
        """Mark a learner's method as returning the parameters of this family.

        A method of another name than ``choose`` and ``respond`` is a further response, called like the method: its column in the data is
        that of ``response={"confidence": "its column"}``.
        """
        method.family = self  # type: ignore[attr-defined]
        return method

    def by(self, method: str) -> Self:
        """The same family, whose parameters a method of this name returns."""
        if method == self.method:
            return self
        own = copy(self)
        own.method = method
        return own

    @overload
    def __call__[M: Callable[..., object]](self, method: M, /) -> M: ...
    @overload
    def __call__(self, *given: float, **settings: float) -> ResponseFamily: ...
    def __call__(self, *given: object, **settings: object) -> object:
        """Mark a method as :meth:`of` does; or the family with settings of its own, to mark a method with: ``slider(0, 100)``."""
        if len(given) == 1 and callable(given[0]) and not settings:
            return self.of(given[0])
        return self.with_settings(*given, **settings)

    def with_settings(self, *given: object, **settings: object) -> ResponseFamily:
        """The family with other settings, of families that have settings.

        Raises
        ------
        LearnerError
            If it has none, or not these.
        """
        raise LearnerError(
            f"the response family {self.name} has no settings: write @{self.name} above the method, without brackets"
        )

    # -- data ------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def in_data(self, trials: Trials) -> bool:
        """Whether the data contain such responses."""

    @abstractmethod
    def absent(self) -> Message:
        """Message for data without such responses, and what to write: the end of a sentence."""

    @abstractmethod
    def observed(self, trials: Trials, name: str) -> np.ndarray:
        """The observed values of the response called ``name``, ``(trials, columns)``."""

    def missing(self, observed: np.ndarray) -> np.ndarray:
        """Trials without an observed response, ``bool (trials,)``; by default those with a NaN."""
        return np.isnan(observed).any(axis=1)

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        """Trials with a response that this family cannot have, ``bool (trials,)``; by default none."""
        return np.zeros(len(observed), bool)

    def remedy(self, observed: np.ndarray, column: str) -> str:
        """What to do about responses, ``(trials, columns)``, some of which are :meth:`impossible`; ``column`` is an expression for their column."""
        return ""

    range = ""
    """The responses that are possible, in words: ``responses above 0``."""

    @abstractmethod
    def as_trials(self, name: str, observed: np.ndarray) -> dict[str, Any]:
        """The fields of :class:`~trialwise.data.trials.Trials` that hold the observed values."""

    @abstractmethod
    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        """Placeholder values for a simulation to overwrite; missing on trials without a response, where ``asked (trials,)`` is False."""

    def actions(self, observed: np.ndarray) -> np.ndarray | None:
        """The action of each trial, ``int64 (trials,)``, -1 if there is none; None for a family whose responses are not actions."""
        return None

    # -- kernels ---------------------------------------------------------------------------------------------------------

    @abstractmethod
    def parts(self, learner: Responding, place: Place) -> ResponseParts:
        """The functions from which the engine builds a trial."""

    def try_method(self, learner: Responding, agent: Any, state: Any, trial: Any, preference: np.ndarray) -> Any:
        """Call the method in plain Python, check its result and return it.

        Raises
        ------
        LearnerError
            If the result does not have the form that the family expects.
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
        """Description of the parameters, for messages."""
        return f"the parameters of the {self.noun}"

    # -- predictions -----------------------------------------------------------------------------------------------------

    def predictions(self, actions: int) -> int:
        """The number of predictions per trial in a record; by default that of the parameters."""
        return len(self.parameters)

    @abstractmethod
    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """Columns for a table of trial-wise values, from log-likelihoods ``(trials,)`` and predictions ``(trials, predictions)``."""

    @abstractmethod
    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        """Responses ``(trials, columns)`` from predictions and random numbers ``(trials, len(self.random))``."""

    # -- conformance -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Artificial responses ``(trials, columns)``, missing where ``missed``, and the available actions, if ``masked``."""

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
        """One observed response ``(columns,)`` as ``learn`` receives it, independently of the kernels."""
        return float(row[0])


def chance_from(score: Callable) -> Callable:
    """Derive the part ``chance`` from the part ``score``."""

    def chance(agent, answer, available, response, weights):
        part, scale = score(agent, answer, available, response)
        return math.exp(value(part)) / scale, part

    return chance


def random_numbers(kinds: tuple[RandomNumber, ...], random: np.random.Generator, count: int) -> np.ndarray:
    """Random numbers of the given kinds, ``(count, kinds)``, drawn one column after another."""
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
    """Call a method that fills ``preference``, in plain Python, and check the result.

    Raises
    ------
    LearnerError
        If it returns a value, or does not fill an entry that is ``wanted``; ``also`` is appended to the message.
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


def unfilled(learner: Responding, method: str, size: int, *arguments: object) -> np.ndarray:
    """Which entries of ``preference``, ``bool (size,)``, a method leaves as they were, in plain Python."""
    before = np.full(size, UNTOUCHED)
    preference = before.copy().view(Table)
    learner.methods[method](*arguments, preference)
    return np.asarray(preference == before)


UNTOUCHED = 7.0 * 5e-324
"""A value that no method writes: a number far below the smallest normal one."""


def hidden_field(learner: Responding) -> str:
    """The field with the number of hidden options, for messages."""
    name = learner.hidden.name
    return f"{name}={learner.options} is the number of options: size tables by self.{name}"

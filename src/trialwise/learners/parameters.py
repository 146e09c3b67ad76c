"""Parameters and settings: the fields of a learner, with ranges and default priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError

MOST_OPTIONS = 100
"""Largest number of options of a hidden choice: an estimate by particles has 100 of them by default, and needs one for each option; and a course stores
each choice in a byte."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a learner: its range and its default group prior.

    On the unconstrained scale ``u`` a participant's value is ``Normal(mu, sd)`` with group mean
    ``mu ~ Normal(mean, width)`` and group spread ``sd ~ HalfNormal(spread)``. The natural value is

    ========  =================================  ==================
    support   natural value                      range
    ========  =================================  ==================
    unit      ``1 / (1 + exp(-u))``              0 to 1
    positive  ``exp(u)``                         above 0
    real      ``u``                              any
    interval  ``lower + (upper - lower) unit``   lower to upper
    ========  =================================  ==================

    Attributes
    ----------
    per_outcome
        The prior is on ``value x SD(outcome)``, since inverse temperatures for points of 0-100 and for rewards of 0 and 1 are
        comparable only in units of the outcome's spread.
    """

    name: str
    role: str
    support: str
    lower: float
    upper: float
    mean: float
    width: float
    spread: float
    per_outcome: bool = False

    def constrain(self, u: Any) -> Any:
        """Natural value(s) at unconstrained value(s) ``u``; same shape."""
        u = np.asarray(u, float)
        if self.support == "real":
            return u
        if self.support == "positive":
            return np.exp(u)
        from scipy.special import expit

        return self.lower + (self.upper - self.lower) * expit(u)

    def unconstrain(self, value: Any) -> Any:
        """The inverse of :meth:`constrain`; infinite at the bounds of the range."""
        value = np.asarray(value, float)
        if self.support == "real":
            return value
        with np.errstate(divide="ignore"):
            if self.support == "positive":
                return np.log(value)
            share = (value - self.lower) / (self.upper - self.lower)
            return np.log(share) - np.log1p(-share)

    def shifted(self, value: float, by: float) -> float:
        """The natural value at a distance ``by`` from ``value`` on the unconstrained scale."""
        return float(self.constrain(self.unconstrain(value) + by))

    def slope(self, u: Any) -> Any:
        """Derivative of the natural value with respect to ``u``; same shape."""
        value = self.constrain(u)
        if self.support == "real":
            return np.ones_like(value)
        if self.support == "positive":
            return value
        return (value - self.lower) * (self.upper - value) / (self.upper - self.lower)

    def holds(self, value: Any) -> np.ndarray:
        """Whether the value(s) lie in the range, bounds included."""
        value = np.asarray(value, float)
        return (value >= self.lower) & (value <= self.upper)

    def spread_out(self, mean: float, width: float) -> str:
        """Median and central 95 % of the natural value if ``u`` is ``Normal(mean, width)``, as text: ``0.27 (0.02 to 0.87)``."""
        low, middle, high = self.constrain([mean + z * width for z in (-1.96, 0, 1.96)])
        return f"{middle:.2g} ({low:.2g} to {high:.2g})"

    @property
    def range(self) -> str:
        """The range as text, for listings."""
        return {"real": "any number", "positive": "above 0"}.get(self.support, f"{self.lower:g} to {self.upper:g}")


@dataclass(frozen=True)
class Setting:
    """A field that is chosen and not estimated: a number, a flag or a string."""

    name: str
    role: str
    value: Any


@dataclass(frozen=True)
class Hidden(Setting):
    """The number of options of a hidden choice: ``exchangeable`` if they are equivalent at the start, ``markov`` if it is a Markov chain."""

    exchangeable: bool = False
    markov: bool = False


def unit(role: str, *, mean: float = 0.0, width: float = 1.5, spread: float = 1.0) -> Any:
    """A parameter between 0 and 1: a learning rate, a probability. ``alpha: float = unit("learning rate")``.

    Parameters
    ----------
    role
        A short description, for listings and messages.
    mean, width, spread
        The group's default prior on the logit scale: mean ``Normal(mean, width)``, spread ``HalfNormal(spread)``.

    Returns
    -------
    Parameter
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is a number.

    Examples
    --------
    >>> @tw.learner
    ... class Ruler:
    ...     rate: float = tw.unit("preference, from 0 to 1", mean=-1.0)
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.rate
    >>> parameter = Ruler().parameters[0]
    >>> parameter.role, parameter.range
    ('preference, from 0 to 1', '0 to 1')
    """
    return Parameter("", role, "unit", 0.0, 1.0, mean, width, spread)


def positive(
    role: str, *, mean: float = 0.0, width: float = 1.0, spread: float = 1.0, per_outcome: bool | None = None
) -> Any:
    """A parameter above 0: an inverse temperature, a scale. ``beta: float = positive("inverse temperature")``.

    Parameters
    ----------
    role
        A short description.
    mean, width, spread
        The group's default prior on the log scale: mean ``Normal(mean, width)``, spread ``HalfNormal(spread)``.
    per_outcome
        Whether that prior is on the value times the outcome's standard deviation; by default if ``role`` begins with
        "inverse temperature".

    Returns
    -------
    Parameter
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is a number.

    Examples
    --------
    >>> @tw.learner
    ... class Ruler:
    ...     scale: float = tw.positive("size of the preference")
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.scale
    >>> parameter = Ruler().parameters[0]
    >>> parameter.role, parameter.range
    ('size of the preference', 'above 0')
    """
    if per_outcome is None:
        per_outcome = role.lower().startswith("inverse temperature")
    return Parameter("", role, "positive", 0.0, np.inf, mean, width, spread, per_outcome)


def real(role: str, *, mean: float = 0.0, width: float = 1.0, spread: float = 1.0) -> Any:
    """A parameter that may be any number: a bias, a slope. ``bias: float = real("bias to the left")``.

    Parameters
    ----------
    role
        A short description.
    mean, width, spread
        The group's default prior: mean ``Normal(mean, width)``, spread ``HalfNormal(spread)``.

    Returns
    -------
    Parameter
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is a number.

    Examples
    --------
    >>> @tw.learner
    ... class Ruler:
    ...     bias: float = tw.real("preference, in logits")
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.bias
    >>> parameter = Ruler().parameters[0]
    >>> parameter.role, parameter.range
    ('preference, in logits', 'any number')
    """
    return Parameter("", role, "real", -np.inf, np.inf, mean, width, spread)


def interval(
    lower: float, upper: float, role: str, *, mean: float = 0.0, width: float = 1.5, spread: float = 1.0
) -> Any:
    """A parameter between two numbers: ``shift: float = interval(-1, 1, "shift")``.

    Parameters
    ----------
    lower, upper
        Its range.
    role
        A short description.
    mean, width, spread
        The group's default prior, as for :func:`unit`, of the logit of (value - lower) / (upper - lower).

    Returns
    -------
    Parameter
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is a number.

    Raises
    ------
    UsageError
        Unless ``lower < upper`` and both are finite.

    Examples
    --------
    >>> @tw.learner
    ... class Ruler:
    ...     shift: float = tw.interval(-1, 1, "preference, in logits")
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.shift
    >>> parameter = Ruler().parameters[0]
    >>> parameter.role, parameter.range
    ('preference, in logits', '-1 to 1')
    """
    if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
        raise UsageError(f"interval({lower!r}, {upper!r}, ...): wanted finite bounds with lower < upper")
    return Parameter("", role, "interval", float(lower), float(upper), mean, width, spread)


def constant(value: Any, role: str) -> Any:
    """A setting, which is chosen and not estimated: ``initial: float = constant(0.0, "value before any outcome")``.

    Parameters
    ----------
    value
        Its default, a number, a flag or a string; ``QLearning(initial=1.2)`` chooses another value of the same type.
    role
        A short description.

    Returns
    -------
    Setting
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is the chosen value.

    Raises
    ------
    UsageError
        For a default of another type.

    Examples
    --------
    >>> @tw.learner
    ... class Ruler:
    ...     scale: float = tw.positive("size of the preference")
    ...     unit: float = tw.constant(1.0, "unit of the preference")
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.scale * self.unit
    >>> Ruler(unit=2.0).settings["unit"], Ruler().names
    (2.0, ('scale',))
    """
    if not isinstance(value, int | float | bool | str):
        raise UsageError(f"constant({value!r}, ...): a setting is a number, a flag or a string")
    return Setting("", role, value)


def hidden(options: int, role: str, *, exchangeable: bool = False, markov: bool = False) -> Any:
    """The number of options of a hidden choice: ``sets: int = hidden(3, "number of task sets", exchangeable=True)``.

    Exchangeable options are equivalent at the start and are treated alike: swapping two of them in a state swaps them in ``hide``
    and changes nothing else. They then differ only in the order of their first use, by which the engine labels them.

    A hidden choice is a Markov chain if it depends on earlier ones through the last of them alone, as the hidden states of a hidden Markov
    model do: ``states: int = hidden(2, "engaged, random", markov=True)``. Then ``hide(self, state, trial, last, preference)`` receives the last
    hidden choice, or -1 if there was none since the start or a reset, and ``learn`` and ``watch`` do not receive the hidden choice. The
    learner's state is thus the same whatever was chosen, and the likelihood is the exact sum over all sequences of hidden choices,
    with its gradient, by the forward algorithm (Rabiner 1989, Proc. IEEE 77:257).

    Parameters
    ----------
    options
        Their number, from 1 to 100.
    role
        A short description.
    exchangeable
        Whether they are exchangeable.
    markov
        Whether the hidden choice is a Markov chain.

    Returns
    -------
    Hidden
        A declaration, read by :func:`learner`; in methods, the attribute of ``self`` is the number of options.

    Raises
    ------
    UsageError
        Unless ``options`` is a whole number from 1 to 100; and if the options of a Markov chain are to be exchangeable.

    Examples
    --------
    >>> learner = tw.learners.TaskSets(sets=2)  # declares sets: int = hidden(3, "number of task sets", exchangeable=True)
    >>> learner.options, learner.exchangeable
    (2, True)
    """
    if isinstance(options, bool) or not isinstance(options, int) or not 1 <= options <= MOST_OPTIONS:
        raise UsageError(f"hidden({options!r}, ...): wanted a number of options, 1 to {MOST_OPTIONS}")
    if exchangeable and markov:
        raise UsageError(
            f"hidden({options!r}, ...) with exchangeable and markov: options are exchangeable if what is learnt with them is all that tells them apart, "
            "and nothing is learnt with the options of a Markov chain. Give each a meaning of its own in hide and choose, and leave exchangeable out"
        )
    return Hidden("", role, options, exchangeable, markov)

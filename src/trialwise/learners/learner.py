"""Learners: the contract (the methods called on each trial), and the base class of learners.

The methods in the order in which they are called (``[hidden,]`` only if the learner has ``hide``):

==============================================================  =====================================  ==================
method                                                          purpose                                when
==============================================================  =====================================  ==================
``start(self, task)``                                           the state before trial 1               once
``reset(self, state, trial)``                                   partial or whole reset                 rows flagged reset
``see(self, state, trial)``                                     what is shown changes the state        every trial
``hide(self, state, trial, [last,] preference)``                logits of the unobserved choice        every trial
``choose(self, state, trial, [hidden,] preference)``            logits, one per action                 every trial
``respond(self, state, trial)``                                 parameters of a response               every trial
``act(self, state, trial, choice)``                             the choice itself changes the state    choice
``elapse(self, state, trial)``                                  forgetting, other changes with time    every trial
``learn(self, state, trial, [hidden,] choice, outcome)``        update; returns the trial's signals    choice and outcome
``watch(self, state, trial, [hidden,] outcome)``                update without a choice of one's own   outcome, no choice
``between(self, state, trial)``                                 change until the next trial            every trial
==============================================================  =====================================  ==================

If the hidden choice is a Markov chain (:func:`trialwise.learners.parameters.hidden`), ``hide`` receives the ``last`` one, and ``learn`` and
``watch`` receive none, so that the state is the same whatever was chosen.

``choose`` or ``respond`` is required, the others are optional. A learner may have both, and further methods marked with a family
(:meth:`trialwise.learners.responses.family.ResponseFamily.of`), which are responses of their own name: each is scored on the trials where it was
observed, and ``act`` and ``learn`` receive the first, the choice if there is one. A learner with ``respond`` learns whenever there is an outcome;
its ``act`` and ``learn`` receive the response in place of the choice. A learner with ``watch`` learns by it on trials with an outcome and without
a response (missed trials with feedback, the trials of others), and by ``learn`` only on trials with both; if it has ``watch`` and no
``learn``, by ``watch`` on every trial with an outcome, whatever was chosen.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import NAME, NUMBER, attribute, check, instance
from trialwise.base.message import LearnerSetting, Message, Restriction
from trialwise.learners.assumptions import NOTHING, Assumptions
from trialwise.learners.fingerprint import fingerprint
from trialwise.learners.parameters import MOST_OPTIONS, Hidden, Parameter, Setting
from trialwise.learners.responses import FAMILIES, METHODS
from trialwise.learners.responses.family import ResponseFamily
from trialwise.learners.source import class_source, signal_names
from trialwise.learners.varied import Varied, as_varied

CONTRACT = {
    "start": ("task",),
    "reset": ("state", "trial"),
    "see": ("state", "trial"),
    "hide": ("state", "trial", "preference"),
    **METHODS,
    "act": ("state", "trial", "choice"),
    "elapse": ("state", "trial"),
    "learn": ("state", "trial", "choice", "outcome"),
    "watch": ("state", "trial", "outcome"),
    "between": ("state", "trial"),
}

RESPONSES_TO_HIDDEN = {family.method for family in FAMILIES.values() if family.goes_with_hidden}


def receives_hidden(method: str, hidden: Hidden) -> bool:
    """Whether a method receives the hidden choice, as the third argument after ``self``."""
    return method in RESPONSES_TO_HIDDEN or (method in ("learn", "watch") and not hidden.markov)


def arguments_of(method: str, hidden: Hidden | None, responses: Mapping[str, ResponseFamily]) -> list[str]:
    """The arguments after ``self`` of a method of a learner with these responses and this field of a hidden choice, if it makes one."""
    arguments = list(CONTRACT[method] if method in CONTRACT else responses[method].arguments)
    if hidden and receives_hidden(method, hidden):
        arguments.insert(2, "hidden")
    if hidden and hidden.markov and method == "hide":
        arguments.insert(2, "last")
    return arguments


C = TypeVar("C", bound=type)


class Learner:
    """The base class that ``@learner`` adds to a class: parameters with ranges, settings, restrictions. Immutable.

    ``QLearning(initial=1.2)`` chooses settings; :meth:`fix` and :meth:`tie` restrict parameters and return a new learner, :meth:`vary` gives
    them a value in each condition, or a slope.
    ``responses`` are the families of the learner's responses by name, ``choice``, ``response`` or that of a method; ``assumptions`` are what it
    assumes of the data (:func:`trialwise.assumes`).

    Your own class need not inherit from it, since the decorator adds it. If it does, ``class Counter(tw.learners.Learner):``
    under ``@learner``, type checkers and editors know :meth:`fix`, :meth:`tie` and the other methods.

    Parameters
    ----------
    **settings
        Values of settings by name, in place of their defaults; of the same type.

    Raises
    ------
    UsageError
        For a name that is not a setting, or a value of another type.

    Examples
    --------
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> learner, learner.names, learner.signals
    (QLearning(initial=1.2).fix(forget=0), ('alpha', 'beta'), ('error',))
    >>> learner.values({"alpha": 0.2, "beta": 2.0})["initial"]
    1.2
    """

    fields: ClassVar[Mapping[str, Parameter | Setting]] = {}
    methods: ClassVar[Mapping[str, Callable]] = {}
    responses: ClassVar[Mapping[str, ResponseFamily]] = {}
    assumptions: ClassVar[Assumptions] = NOTHING
    gives_probabilities: ClassVar[bool] = False
    agent_class: ClassVar[type] = object

    def __init__(self, **settings: Any):
        kind = type(self).__name__
        if not self.responses:
            raise UsageError(f"{kind} is not a learner yet: write @learner above the class")
        defaults = {name: field for name, field in self.fields.items() if isinstance(field, Setting)}
        for name, value in settings.items():
            if name not in defaults:
                restriction = Restriction("fix", name, value, f"{kind}().")
                hint = (
                    Message(f"'{name}' is a parameter: write ", restriction, " to hold it")
                    if name in self.fields
                    else did_you_mean(name, defaults, "settings")
                )
                raise UsageError(LearnerSetting(kind, name, value), ": no such setting. ", hint)
            default = defaults[name].value
            kinds = (int, float) if isinstance(default, float) else type(default)
            if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(default, bool)):
                expectation = f"a {type(default).__name__} is wanted"
                raise UsageError(LearnerSetting(kind, name, value), f": {expectation} ({defaults[name].role})")
            if isinstance(value, float) and value != value:
                raise UsageError(
                    LearnerSetting(kind, name, value), f": a number is wanted, not NaN ({defaults[name].role})"
                )
            if isinstance(defaults[name], Hidden) and not 1 <= value <= MOST_OPTIONS:
                wanted = f": 1 to {MOST_OPTIONS} is wanted ({defaults[name].role})"
                raise UsageError(LearnerSetting(kind, name, value), wanted)
        chosen = {name: type(field.value)(settings.get(name, field.value)) for name, field in defaults.items()}
        self._restrict(chosen, {}, {}, (), {})

    def _restrict(
        self,
        settings: dict[str, Any],
        fixed: dict[str, float],
        tied: dict[str, str],
        wrappers: tuple[Parameter, ...],
        varied: dict[str, Varied],
    ) -> None:
        object.__setattr__(self, "settings", types.MappingProxyType(settings))
        object.__setattr__(self, "fixed", types.MappingProxyType(fixed))
        object.__setattr__(self, "tied", types.MappingProxyType(tied))
        object.__setattr__(self, "wrappers", wrappers)
        object.__setattr__(self, "varied", types.MappingProxyType(varied))

    def __setattr__(self, name: str, value: Any) -> None:
        raise UsageError(
            "a learner is frozen: write ", LearnerSetting(type(self).__name__, name), " for a setting, ",
            Restriction("fix", name), " for a parameter",
        )  # fmt: skip

    settings: Mapping[str, Any]
    fixed: Mapping[str, float]
    tied: Mapping[str, str]
    wrappers: tuple[Parameter, ...]
    varied: Mapping[str, Varied]

    # -- parameters ------------------------------------------------------------------------------------------------

    @cached_property
    def declared(self) -> dict[str, Parameter]:
        """All parameters by name, including restricted ones; those of wrappers come last."""
        own = {name: field for name, field in self.fields.items() if isinstance(field, Parameter)}
        return own | {parameter.name: parameter for parameter in self.wrappers}

    @cached_property
    def free_fields(self) -> tuple[str, ...]:
        """Names of the fields with a free value; those that vary have several, see :attr:`names`."""
        return tuple(name for name in self.declared if name not in self.fixed and name not in self.tied)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The free parameters, in the order of the class; several in place of one that varies (:meth:`vary`)."""
        return tuple(
            each
            for name in self.free_fields
            for each in (
                self.varied[name].parameters(self.declared[name]) if name in self.varied else (self.declared[name],)
            )
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def lower(self) -> np.ndarray:
        """Lower bounds of the free parameters, ``(parameters,)``."""
        return np.array([parameter.lower for parameter in self.parameters], float)

    @cached_property
    def upper(self) -> np.ndarray:
        """Upper bounds of the free parameters, ``(parameters,)``."""
        return np.array([parameter.upper for parameter in self.parameters], float)

    def fix(self, **values: float) -> Learner:
        """Fix parameters at given values.

        Parameters
        ----------
        **values
            Values by name of the parameter, on its natural scale, bounds of the range included.

        Returns
        -------
        Learner
            A learner without these free parameters; the original is unchanged.

        Raises
        ------
        UsageError
            For a name that is not a parameter, or a value outside its range.

        Examples
        --------
        >>> tw.QLearning().fix(forget=0).names
        ('alpha', 'beta')
        >>> try:
        ...     tw.QLearning().fix(alpha=2)
        ... except tw.errors.UsageError as error:
        ...     print(error)
        fix(alpha=2): alpha (learning rate) ranges 0 to 1
        """
        fixed = dict(self.fixed)
        for name, value in values.items():
            parameter = self._parameter(name, "fix")
            number = np.asarray(value if NUMBER.holds(value) else np.nan, float)
            if number.ndim or not parameter.holds(number):
                restriction = Restriction("fix", name, value, "")
                raise UsageError(restriction, f": {name} ({parameter.role}) ranges {parameter.range}")
            fixed[name] = float(number)
        return self._with(
            fixed=fixed,
            tied={name: to for name, to in self.tied.items() if name not in values},
            varied={name: each for name, each in self.varied.items() if name not in values},
        )

    def tie(self, **names: str) -> Learner:
        """Set parameters equal to another one.

        Parameters
        ----------
        **names
            For each parameter by name, the name of the parameter whose value it takes.

        Returns
        -------
        Learner
            A learner without these free parameters; the original is unchanged.

        Raises
        ------
        UsageError
            For names that are not parameters, a tie to itself or to a tied parameter, or different ranges.

        Examples
        --------
        >>> tw.learners.TaskSets().tie(alpha_high="alpha", forget_high="forget").names
        ('alpha', 'beta', 'forget', 'beta_high')
        """
        tied = dict(self.tied)
        for name, to in names.items():
            check("tie", name, to, NAME)
            parameter, target = self._parameter(name, "tie"), self._parameter(to, "tie")
            if (parameter.support, parameter.lower, parameter.upper) != (target.support, target.lower, target.upper):
                restriction = Restriction("tie", name, to, "")
                raise UsageError(restriction, f": {name} ranges {parameter.range} but {to} ranges {target.range}")
            tied[name] = to
        for name, to in tied.items():
            if to == name:
                raise UsageError(
                    Restriction("tie", name, to, ""), ": a parameter cannot be tied to itself; leave it out"
                )
            if to in tied:
                restriction = Restriction("tie", name, to, "")
                raise UsageError(restriction, f": {to} is itself tied to {tied[to]}; tie {name} to {tied[to]!r}")
        return self._with(
            tied=tied,
            fixed={name: v for name, v in self.fixed.items() if name not in names},
            varied={name: each for name, each in self.varied.items() if name not in names},
        )

    def vary(self, **by: str | Mapping[str, Sequence[Hashable]]) -> Learner:
        r"""Let parameters take another value in each condition, or change with a number, while the state goes on.

        Where a trial has the label :math:`c_t` in a column of the data, everything that is called on it computes with
        :math:`\alpha = \alpha_{c_t}`; where it has the number :math:`x_t`, with :math:`\beta_t = g(g^{-1}(\beta) + b x_t)`, with :math:`g` the
        function from the unconstrained to the natural scale (exponential, logistic). Nothing else of the learner changes. ``start`` takes the values of the first trial of a participant.

        Parameters
        ----------
        **by
            For each parameter by name, a column of numbers, ``"stake"``, or ``{column: levels}``: a column of labels that is known before the choice, and the labels that
            have a value each, in the order of :attr:`names`. Labels that the data do not have are allowed; others in the data are not.

        Returns
        -------
        Learner
            A learner with a free parameter for each level, ``alpha[stable]`` and ``alpha[volatile]`` in place of ``alpha``, each with the
            range and the default prior of ``alpha``; or with ``beta``, the value where the number is 0, and the slope ``beta:stake``, the
            change per unit of the number on the unconstrained scale (log, logit). The original is unchanged. In names, a slash of a label becomes ``|``, and a comma ``;``.

        Raises
        ------
        UsageError
            For a name that is not a free parameter, or conditions that are not one column with different labels. Trials without the column are refused where
            they are used.

        Examples
        --------
        >>> learner = tw.QLearning().fix(forget=0).vary(alpha={"volatility": ["stable", "volatile"]}, beta="stake")
        >>> learner.names
        ('alpha[stable]', 'alpha[volatile]', 'beta', 'beta:stake')
        """
        varied = dict(self.varied)
        for name, given in by.items():
            self._parameter(name, "vary")
            if name in self.fixed:
                raise UsageError(f"vary({name}=...): {name} is fixed at {self.fixed[name]:g} in {self}: leave one out")
            if name in self.tied:
                to = self.tied[name]
                raise UsageError(
                    f"vary({name}=...): {name} is tied to {to} in {self} and varies as {to} does: leave one out, or vary {to}"
                )
            varied[name] = as_varied(name, given)
        return self._with(varied={name: varied[name] for name in self.declared if name in varied})

    def with_lapse(self) -> Learner:
        r"""Respond at random now and then: :math:`p \leftarrow (1 - \epsilon) p + \epsilon u`, :math:`u` uniform over the available actions or
        the range of the response."""
        return self._wrapped("lapse")

    def with_stickiness(self) -> Learner:
        r"""Repeat the last choice: :math:`L_j \leftarrow L_j + \kappa [j = \text{last choice}]`, before the softmax.

        The last choice made counts, whether or not it had an outcome; a reset forgets it.
        """
        return self._wrapped("stickiness")

    def _wrapped(self, name: str) -> Learner:
        if name in self.declared:
            raise UsageError(f"{self.label} already has a parameter '{name}'")
        wrappers = {wrapper.name: wrapper for family in self.responses.values() for wrapper in family.wrappers}
        if name not in wrappers:
            raise UsageError(f"{self.label}: its responses have no {name}")
        return self._with(wrappers=tuple(p for p in wrappers.values() if p in self.wrappers or p.name == name))

    def _with(self, **changes: Any) -> Learner:
        copy = object.__new__(type(self))
        state = {
            "settings": dict(self.settings),
            "fixed": dict(self.fixed),
            "tied": dict(self.tied),
            "wrappers": self.wrappers,
            "varied": dict(self.varied),
        }
        copy._restrict(**(state | changes))
        return copy

    def _parameter(self, name: str, verb: Literal["fix", "tie", "vary"]) -> Parameter:
        if name in self.declared:
            return self.declared[name]
        if name in self.names:
            raise UsageError(f"{verb}: {name} is part of a parameter that varies, and cannot be restricted alone")
        call = f"vary({name}=...)" if verb == "vary" else Restriction(verb, name, subject="")
        if name in self.settings:
            setting = LearnerSetting(type(self).__name__, name)
            raise UsageError(call, f": '{name}' is a setting: write ", setting)
        raise UsageError(call, f": no such parameter. {did_you_mean(name, self.declared, 'parameters')}")

    # -- one participant -------------------------------------------------------------------------------------------

    def values(self, free: Mapping[str, float]) -> dict[str, Any]:
        """The values of all fields for one participant: free, fixed and tied parameters, and settings.

        Of a parameter that varies, ``free`` has the value that applies, under the parameter's own name; see :meth:`at`.
        """
        parameters = {**self.fixed, **{name: free[name] for name in self.free_fields}}
        parameters |= {name: parameters[to] for name, to in self.tied.items()}
        return {**self.settings, **parameters}

    def at(self, free: Mapping[str, float], trial: Mapping[str, Hashable]) -> dict[str, float]:
        """From the values of all free parameters those that apply on a trial: ``{"alpha": ..., "beta": ...}``.

        Parameters
        ----------
        free
            Values by name, ``{"alpha[stable]": 0.1, "alpha[volatile]": 0.4, "beta": 2.0}``.
        trial
            The label or number of the trial in each column by which a parameter varies, ``{"volatility": "stable"}``.

        Raises
        ------
        UsageError
            If a label is none of the levels.
        """
        return {
            name: self.varied[name].at(self.declared[name], free, trial[self.varied[name].column])
            if name in self.varied
            else free[name]
            for name in self.free_fields
        }

    def agent(self, free: Mapping[str, float]) -> Any:
        """One participant in plain Python: an object on which ``start``, ``choose``, ``learn`` ... can be called."""
        agent: Any = object.__new__(self.agent_class)
        for name, value in self.values(free).items():
            object.__setattr__(agent, name, np.float64(value) if name in self.declared else value)
        return agent

    # -- properties ------------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """The learner as text, with its restrictions: ``QLearning(initial=1.2).fix(forget=0)``."""
        return repr(self)

    @property
    def family(self) -> ResponseFamily:
        """The family of the response; of the first one if there are several."""
        return next(iter(self.responses.values()))

    @property
    def acts(self) -> bool:
        """Whether a response of the learner is an action of the environment, which decides the outcome."""
        return any(family.acts for family in self.responses.values())

    @property
    def hides(self) -> bool:
        """Whether the learner makes a hidden (unobserved) choice."""
        return "hide" in self.methods

    @cached_property
    def hidden(self) -> Hidden | None:
        """The field that gives the number of options of the hidden choice, with its default; None without one."""
        return next((field for field in self.fields.values() if isinstance(field, Hidden)), None)

    @property
    def options(self) -> int:
        """Number of options of the hidden choice; 1 without one."""
        return int(self.settings[self.hidden.name]) if self.hidden else 1

    @property
    def exchangeable(self) -> bool:
        """Whether the options of the hidden choice are distinguished only by the order of their first use."""
        return self.hidden is not None and self.hidden.exchangeable and self.options > 1

    @property
    def markov(self) -> bool:
        """Whether the hidden choice is a Markov chain, so that the likelihood is exact."""
        return self.hidden is not None and self.hidden.markov

    @property
    def learns(self) -> bool:
        """Whether the learner learns from outcomes: whether it has ``learn`` or ``watch``."""
        return "learn" in self.methods or "watch" in self.methods

    @property
    def may_lapse(self) -> bool:
        """Whether a lapse can be added, :meth:`with_lapse`."""
        return "lapse" not in self.declared and any(
            wrapper.name == "lapse" for family in self.responses.values() for wrapper in family.wrappers
        )

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the trial-level signals that ``learn`` returns, or else ``watch``."""
        return signal_names(self.methods.get("learn", self.methods.get("watch")))

    @property
    def source(self) -> str:
        """The source code of the class; empty if not available."""
        return class_source(self.agent_class)

    @cached_property
    def key(self) -> str:
        """A hash of the learner's code, helpers and constants; real settings, values of fixed parameters and conditions do not enter."""
        shape = (
            tuple(self.fields),
            self.free_fields,
            sorted(self.tied.items()),
            sorted(self.fixed),
            self.gives_probabilities,
            tuple((name, family.name) for name, family in self.responses.items()),
        )
        constants = {name: value for name, value in self.settings.items() if not isinstance(value, float)}
        text = f"{fingerprint(dict(self.methods) | self.helper_methods)}{shape}{constants}"
        slopes = [self.declared[name] for name, each in self.varied.items() if each.levels is None]
        text += str([(each.name, each.support, each.lower, each.upper) for each in slopes]) if slopes else ""
        text += "markov" if self.markov else ""
        import hashlib

        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def helper_methods(self) -> dict[str, Callable]:
        attributes = vars(self.agent_class).items()
        return {name: f for name, f in attributes if isinstance(f, types.FunctionType) and name not in self.methods}

    def __reduce__(self) -> tuple[Any, ...]:
        parts = dict(self.settings), dict(self.fixed), dict(self.tied), self.wrappers, dict(self.varied)
        return _restored, (type(self), *parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Learner) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple:
        return (
            self.key,
            tuple(sorted(self.settings.items())),
            tuple(sorted(self.fixed.items())),
            tuple(sorted(self.tied.items())),
            self.wrappers,
            tuple(self.varied.items()),
            repr(self.assumptions),
        )

    def __repr__(self) -> str:
        changed = [
            f"{name}={value!r}"
            for name, value in self.settings.items()
            if value != self.fields[name].value  # type: ignore[union-attr]
        ]
        text = f"{type(self).__name__}({', '.join(changed)})"
        if self.fixed:
            text += f".fix({', '.join(f'{name}={value:g}' for name, value in self.fixed.items())})"
        if self.tied:
            text += f".tie({', '.join(f'{name}={to!r}' for name, to in self.tied.items())})"
        text += "".join(f".with_{parameter.name}()" for parameter in self.wrappers)
        if self.varied:
            text += f".vary({', '.join(f'{name}={each.given!r}' for name, each in self.varied.items())})"
        return text


def _restored(
    kind: type[Learner],
    settings: dict[str, Any],
    fixed: dict[str, float],
    tied: dict[str, str],
    wrappers: tuple,
    varied: dict[str, Varied],
) -> Learner:
    """Restore a learner for :mod:`pickle` and :mod:`copy`."""
    learner: Learner = object.__new__(kind)
    learner._restrict(settings, fixed, tied, wrappers, varied)
    return learner


def _remedy(value: Any) -> str:
    """What to write where something else was given for a learner."""
    if isinstance(value, type):
        return (
            f"{value.__name__}()" if issubclass(value, Learner) else f"@learner above the class, and {value.__name__}()"
        )
    return attribute("learner")(value)


LEARNER = instance("a learner, such as QLearning()", Learner, remedy=_remedy)
"""What functions expect that take a learner."""

"""The ``@learner`` decorator: turns a class that describes one trial into a learner that can be simulated and fitted."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, dataclass_transform

from trialwise.base.errors import LearnerError, did_you_mean
from trialwise.learners.assumptions import NOTHING, Assumptions
from trialwise.learners.learner import CONTRACT, Learner, arguments_of, receives_hidden
from trialwise.learners.parameters import Hidden, Parameter, Setting
from trialwise.learners.responses import FAMILIES, METHODS, MOST_RESPONSES, named_responses
from trialwise.learners.responses.family import ResponseFamily
from trialwise.learners.source import uses


def probabilities(choose: Callable) -> Callable:
    """Mark a ``choose`` that fills ``preference`` with probabilities instead of logits.

    For rules that mix policies (working memory plus reinforcement learning, epsilon-greedy); see also ``softmax_into``.

    Parameters
    ----------
    choose
        The method ``choose(self, state, trial, preference)``; with a hidden choice, ``choose(self, state, trial, hidden, preference)``.
        It fills ``preference (actions,)`` with probabilities from 0 to 1.

    Returns
    -------
    function
        The same method, marked.

    Examples
    --------
    >>> @tw.learner
    ... class Guesser:
    ...     first: float = tw.unit("probability of action 0")
    ...
    ...     @tw.probabilities
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.first
    ...         preference[1] = 1 - self.first
    >>> trials = tw.simulate(Guesser(), tw.environments.ProbabilisticReversal(trials=40), {"first": 0.9}, seed=1).trials
    >>> bool((trials.choice == 0).mean() > 0.5)
    True
    """
    choose.gives_probabilities = True  # type: ignore[attr-defined]
    return choose


@dataclass_transform(kw_only_default=True, frozen_default=True)
def learner[C: type](cls: C) -> C:
    """Turn a class that describes one participant on one trial into a learner.

    Fields are parameters (:func:`unit`, :func:`positive`, :func:`real`, :func:`interval`) or settings (:func:`constant`);
    :func:`assumes` declares what the data have to be; methods are those of the contract (see :mod:`trialwise.learner`) and helpers, called as ``self.helper(...)``.

    Parameters
    ----------
    cls
        The class; its methods are called for one participant and one trial.

    Returns
    -------
    type
        A subclass of :class:`~trialwise.learners.learner.Learner`, whose arguments are the settings.

    Raises
    ------
    LearnerError
        If a method's arguments differ from the contract, the class has neither ``choose`` nor ``respond``, or a method reads a
        field that does not exist; the message gives the line.

    Examples
    --------
    >>> @tw.learner
    ... class Counter:
    ...     alpha: float = tw.unit("learning rate")
    ...     beta: float = tw.positive("inverse temperature")
    ...
    ...     def start(self, task):
    ...         return task.table("action")
    ...
    ...     def choose(self, value, trial, preference):
    ...         for action in range(len(preference)):
    ...             preference[action] = self.beta * value[action]
    ...
    ...     def learn(self, value, trial, choice, outcome):
    ...         error = outcome - value[choice]
    ...         value[choice] += self.alpha * error
    ...         return error
    >>> Counter().names
    ('alpha', 'beta')
    >>> bandit = tw.environments.ProbabilisticReversal(trials=20)
    >>> tw.simulate(Counter(), bandit, {"alpha": 0.3, "beta": 3}, participants=2, seed=1).trials
    Trials(2 participants, 40 trials; 2 actions, 2 blocks)
    """
    name = cls.__name__
    fields: dict[str, Parameter | Setting] = {}
    annotated = tuple(vars(cls).get("__annotations__", ()))
    for attribute, value in vars(cls).items():
        if isinstance(value, Parameter | Setting):
            fields[attribute] = replace(value, name=attribute)
        elif attribute in annotated:
            raise LearnerError(
                f"{name}.{attribute} = {value!r}: a field says what it is. "
                f'Write unit("..."), positive("..."), real("..."), interval(lower, upper, "...") '
                f'or constant({value!r}, "...")'
            )
    for attribute in annotated:
        if attribute not in fields:
            raise LearnerError(f'{name}.{attribute} has no range: write {attribute}: float = unit("...") or the like')

    responses = named_responses(vars(cls).items())
    methods = {m: vars(cls)[m] for m in CONTRACT if m in vars(cls)}
    methods |= {name: vars(cls)[name] for name in responses if name in vars(cls) and name not in fields}
    _check_methods(cls, fields, methods, responses)
    attributes = {
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "fields": types.MappingProxyType(fields),
        "methods": types.MappingProxyType(methods),
        "responses": types.MappingProxyType(responses),
        "assumptions": _assumptions(cls, fields),
        "gives_probabilities": any(getattr(methods[m], "gives_probabilities", False) for m in METHODS if m in methods),
        "agent_class": cls,
    }
    return type(name, (Learner,), attributes)  # type: ignore[return-value]


def _assumptions(cls: type, fields: Mapping[str, Parameter | Setting]) -> Assumptions:
    """What the body of the class declares with ``assumes``."""
    found = [value for value in vars(cls).values() if isinstance(value, Assumptions)]
    if len(found) > 1:
        raise LearnerError(f"{cls.__name__} declares {len(found)} times what it assumes: write it in one assumes(...)")
    declared = found[0] if found else NOTHING
    settings = [name for name, each in fields.items() if isinstance(each, Setting)]
    for name in declared.settings:
        if name not in settings:
            raise LearnerError(
                f"{cls.__name__} assumes something of its setting '{name}', which it does not have. {did_you_mean(name, settings, 'settings')}"
            )
    parameters = [name for name, each in fields.items() if isinstance(each, Parameter)]
    for name in declared.action_of:
        if name not in parameters:
            raise LearnerError(
                f"{cls.__name__} assumes something of its parameter '{name}', which it does not have. "
                f"{did_you_mean(name, parameters, 'parameters')}"
            )
    return declared


def _check_methods(
    cls: type, fields: Mapping[str, Any], methods: Mapping[str, Callable], responses: Mapping[str, ResponseFamily]
) -> None:
    name = cls.__name__
    if not responses:
        examples = "\n".join(family.example for family in FAMILIES.values() if family.by_default)
        raise LearnerError(f"{name} has no choose. {examples}")
    if len(responses) > MOST_RESPONSES:
        raise LearnerError(f"{name} has {len(responses)} responses; a learner may have {MOST_RESPONSES}")
    choices = [family.method for family in responses.values() if family.acts]
    if len(choices) > 1:
        raise LearnerError(
            f"{name} has several choices, {' and '.join(choices)}: make each a row of its own, with a column of stages that choose reads, as in "
            "trial.stage; stages and options of tw.assumes declare which actions each of them has. From a table with one row a trial, "
            "read_long makes these rows with its argument expand"
        )
    hidden = _hidden_field(name, fields, methods, responses)
    for method_name, method in methods.items():
        expected = arguments_of(method_name, hidden, responses)
        actual = list(inspect.signature(method).parameters)[1:]
        if len(actual) != len(expected):
            explanation = _why_not_hidden(method_name, hidden, len(actual) - len(expected)) if hidden else ""
            raise LearnerError(
                f"{_place(method, name)} takes ({', '.join(['self', *actual])}) but is called with "
                f"({', '.join(['self', *expected])}): write def {method_name}(self, {', '.join(expected)}):{explanation}"
            )
    known = set(fields) | {attribute for attribute in vars(cls) if not attribute.startswith("__")}
    for method in vars(cls).values():
        if isinstance(method, types.FunctionType):
            first = method.__code__.co_varnames[:1]
            for use in uses(method):
                if first and use.argument == first[0] and use.name not in known:
                    raise LearnerError(
                        f"{_place(method, name, use.line)} reads {first[0]}.{use.name}, which {name} does not have. "
                        f"{did_you_mean(use.name, sorted(known), 'fields')}"
                    )


def _why_not_hidden(method: str, hidden: Hidden, more: int) -> str:
    """Why a method with this number of arguments too many does not receive the hidden choice; with -1, what it does receive."""
    if method == "hide" and hidden.markov and more == -1:
        return f". {hidden.name} declares a Markov chain: last is the last hidden choice, or -1 if there was none since the start or a reset"
    if more != 1 or receives_hidden(method, hidden):
        return ""
    if hidden.markov and method in ("learn", "watch"):
        return (
            f". {hidden.name} declares a Markov chain: the state of the learner must not depend on hidden choices, and hide receives the last one. If what is "
            "learnt does depend on them, leave markov out of hidden(...), and the likelihood is estimated by particles"
        )
    able = "choose receives" if hidden.markov else "choose, learn and watch receive"
    return f". Only {able} the hidden choice: what {method} does cannot depend on it"


def _hidden_field(
    name: str, fields: Mapping[str, Any], methods: Mapping[str, Callable], responses: Mapping[str, ResponseFamily]
) -> Hidden | None:
    """The field of the hidden choice; None without one."""
    counts = [field for field in fields.values() if isinstance(field, Hidden)]
    if "hide" not in methods:
        if counts:
            raise LearnerError(
                f"{name}.{counts[0].name} is the number of options of a hidden choice, but {name} has no hide: write "
                "def hide(self, state, trial, preference): or make it a constant(...)"
            )
        return None
    if len(counts) != 1:
        raise LearnerError(
            f"{_place(methods['hide'], name)}: exactly one field gives the number of options of the hidden choice, such as "
            f'sets: int = hidden(3, "number of task sets"). {name} has {len(counts) or "no"} such fields'
        )
    if not any(family.goes_with_hidden for family in responses.values()):
        method = next(iter(responses.values())).method
        raise LearnerError(f"{name} has hide and {method}: a hidden choice requires choose")
    return counts[0]


def _place(method: Callable, owner: str, line: int | None = None) -> str:
    code = method.__code__
    return f"{owner}.{code.co_name} ({code.co_filename}, line {line or code.co_firstlineno})"

"""Values of covariates that new participants have in common, ``at={"age": 60, "group": "patient"}``, checked as they were typed."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

import numpy as np

from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import key, missing_mask, to_numbers
from trialwise.population.designs.join import opened

type At = Mapping[str, object]
"""A level or number by name of the covariate; of what changes within participants also a list of them."""


def checked_values(
    at: At, needed: Mapping[str, Sequence[Hashable]], within: Collection[str]
) -> dict[str, list[Hashable]]:
    """The values of each covariate.

    Parameters
    ----------
    at
        As typed.
    needed
        The covariates of the fit by name, with the levels of factors; none for numbers.
    within
        The names of those that change within participants, who may have several values of them.

    Raises
    ------
    UsageError
        For unknown covariates; for those that are lacking; with all levels that the fit has not seen, texts in place of numbers, missing
        values, and several values of what does not change within participants.
    """
    for name in at:
        if name not in needed:
            raise UsageError(f"no formula has {name!r}. {did_you_mean(str(name), needed, 'covariates of the fit')}")
    if lacking := [name for name in needed if name not in at]:
        wanted = {**at, **{name: _example(needed[name]) for name in lacking}}
        raise UsageError(f"what the fit predicts depends on {listed(lacking)} too: ", Argument("at", wanted))
    values = {name: _values(value) for name, value in at.items()}
    problems = [
        problem for name, own in values.items() for problem in _problems(name, own, needed[name], name in within)
    ]
    if problems:
        raise UsageError(Message.join("\n", problems))
    return values


def _values(value: object) -> list[Hashable]:
    """The values in a list, or one value as a list."""
    single = isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__")
    return [value] if single else list(value)  # type: ignore[list-item, call-overload]


def _example(levels: Sequence[Hashable]) -> object:
    """A level, or a placeholder for a number."""
    return levels[0] if levels else ...


def _problems(name: str, values: list[Hashable], levels: Sequence[Hashable], within: bool) -> Iterator[Message]:
    """What is wrong with the values of a covariate."""
    if len(values) != 1 and not within:
        one = values[0] if values else _example(levels)
        yield Message(
            f"{name} does not change within participants, who have one value of it: ", Argument("at", {name: one})
        )
        return
    if not values:
        yield Message(
            Argument("at", {name: []}), ": wanted at least one value, ", Argument("at", {name: _example(levels)})
        )
        return
    wrong = _not_levels(name, values, levels) if levels else _not_numbers(name, values)
    for value in wrong:
        start = Message(Argument("at", {name: value}), ": ")
        if not levels:
            yield Message(start, "wanted a finite number")
        else:
            text = "it is missing" if value is None or value != value else "the fit has seen no participant there"
            yield Message(start, f"{text}. {did_you_mean(str(value), map(str, levels), f'levels of {name}')}")
    once = list({key(value): value for value in reversed(values)}.values())[::-1]
    if not wrong and len(once) < len(values):
        yield Message(Argument("at", {name: values}), ": name each value once, ", Argument("at", {name: once}))


def _not_levels(name: str, values: list[Hashable], levels: Sequence[Hashable]) -> list[Hashable]:
    """Those that are none of the levels."""
    known = set(map(key, levels))
    return [value for value in values if value is None or value != value or key(value) not in known]


def _not_numbers(name: str, values: list[Hashable]) -> list[Hashable]:
    """Those that are no finite numbers; a text such as ``"60"`` is one, as in a table."""
    cells = opened({"participant": range(len(values)), name: values}).column(name, "given")
    numbers, _, _ = to_numbers(cells, missing_mask(cells))
    return [value for value, number in zip(values, numbers, strict=True) if not np.isfinite(number)]

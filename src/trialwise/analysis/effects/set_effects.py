"""True effects that a user sets, ``{"alpha": {"group": {"patient - control": -0.5}}}``: differences of levels on the unconstrained scale.

The words of a difference are those of :func:`trialwise.contrasts`, and so is what it means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import NUMBER, brief
from trialwise.base.message import Argument, Message
from trialwise.population.designs.differences import Along, along, difference_named, weights_of
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.known import Known

type Effects = Mapping[str, Mapping[str, float | Mapping[str, float]]]
"""By parameter; by covariate, or pair of them, ``"group:session"``; by difference. A number in place of the last is that of a slope."""

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Difference:
    """A difference of levels, a slope, or a difference of these.

    Attributes
    ----------
    parameter
        Name of the parameter.
    by
        The covariate, ``"group"``, or the two of a product, ``"group:session"``.
    label
        In words: ``"patient - control"``.
    vector
        c such that :math:`c'B` is the difference on the unconstrained scale, ``(F,)``.
    """

    parameter: str
    by: str
    label: str
    vector: np.ndarray


def differences_of(models: Mapping[str, ParameterModel], effects: Effects) -> tuple[Difference, ...]:
    """The differences that formulas ask for: of the levels of each factor, slopes per standard deviation, and differences of these for products.

    Those that are set come first, in the words in which they are set, and none of the others is the same with another sign.
    """
    set_ones, _ = _read(models, effects)
    found = [each for each, _ in set_ones]
    for model in models.values():
        for by, own in _alongs(model).items():
            for label, vector in one_way(model, own):
                if not any(_parallel(vector, each.vector) for each in found):
                    found.append(Difference(model.parameter, by, label, vector))
    return tuple(found)


def one_way(model: ParameterModel, own: Along) -> Iterator[tuple[str, np.ndarray]]:
    """Differences of a parameter along covariates in words, with the weights of coefficients ``(F,)``: each in one direction, slopes per
    standard deviation, and none that is always 0."""
    found: list[np.ndarray] = []
    for comparison in own.all:
        vector = weights_of(model, comparison)
        if comparison.per_unit or not np.any(abs(vector) > _TINY) or any(_parallel(vector, each) for each in found):
            continue
        found.append(vector)
        yield comparison.label, vector


def known_of(models: Mapping[str, ParameterModel], effects: Effects) -> Known:
    """The combinations of coefficients that effects set.

    Raises
    ------
    UsageError
        With all problems: unknown parameters, covariates and differences, parameters without a formula, levels of which it is not said where they
        are, and contradictions.
    """
    found, problems = _read(models, effects)
    for name in dict.fromkeys(difference.parameter for difference, _ in found):
        own = [(difference, value) for difference, value in found if difference.parameter == name]
        problems += _contradictions(models[name], own)
        problems += _open(models[name], own)
    if problems:
        raise UsageError(Message.join("\n", problems))
    total = next(iter(models.values())).total
    vectors = np.array([difference.vector for difference, _ in found]).reshape(-1, total)
    return Known(vectors, np.array([value for _, value in found]))


type _Set = list[tuple[Difference, float]]


def _read(models: Mapping[str, ParameterModel], effects: Effects) -> tuple[_Set, list[Message]]:
    """The differences that are set, with their values, and what is wrong."""
    found: _Set = []
    problems: list[Message] = []
    for name, given in effects.items():
        model = models.get(name)
        start = Message(Argument("effects", {name: given}), ": ")
        if model is None:
            problems.append(
                Message(start, f"there is no free parameter {name!r}. {did_you_mean(name, models, 'free parameters')}")
            )
            continue
        alongs = _alongs(model)
        if not alongs:
            advice = Argument("formulas", {name: _covariate(models, given)})
            problems.append(Message(start, f"{name} has no formula, so that it has no effects: add ", advice))
            continue
        if not isinstance(given, Mapping):
            problems.append(
                Message(start, f"wanted the differences of a covariate of {name}, ", _example(name, alongs))
            )
            continue
        for difference, value, problem in _of_parameter(model, alongs, given):
            if problem is not None:
                problems.append(problem)
            elif difference is not None:
                found.append((difference, value))
    return found, problems


def _covariate(models: Mapping[str, ParameterModel], given: object) -> str:
    """A covariate for a formula: one that is named, or of another parameter."""
    named = list(given) if isinstance(given, Mapping) else []
    known = [name for model in models.values() for name in (*model.factors, *model.numbers)]
    return next((name for name in named if name in known), next(iter(known), "group"))


def _of_parameter(
    model: ParameterModel, alongs: Mapping[str, Along], given: Mapping[str, float | Mapping[str, float]]
) -> Iterator[tuple[Difference | None, float, Message | None]]:
    """Each difference with its value, or a problem."""
    name = model.parameter
    for key, value in given.items():
        place = _place(key, alongs)
        for label, number in value.items() if isinstance(value, Mapping) else [("", value)]:
            entry = {key: {label: number}} if isinstance(value, Mapping) else {key: number}
            start = Message(Argument("effects", {name: entry}), ": ")
            if not NUMBER.holds(number) or not np.isfinite(number):
                yield None, 0.0, Message(start, f"wanted a number, and {brief(number)} is none")
                continue
            if isinstance(value, Mapping) and place is None:
                yield (
                    None,
                    0.0,
                    Message(
                        start,
                        model.split(key)
                        or f"{name} does not depend on {key!r}. {did_you_mean(key, alongs, f'covariates of {name}')}",
                    ),
                )
                continue
            searched = alongs if place is None else {place: alongs[place]}
            text = label if isinstance(value, Mapping) else key if place is None else _slope(model, place)
            vectors = {
                each: vector
                for each, own in searched.items()
                if (vector := difference_named(model, own, text)) is not None
            }
            if len(vectors) == 1:
                ((by, vector),) = vectors.items()
                yield Difference(name, by, _plain(text), vector), float(number), None
            elif len(vectors) > 1:
                advice = Argument("effects", {name: {next(iter(vectors)): {_plain(text): number}}})
                yield None, 0.0, Message(start, f"a difference of {listed(vectors)}: say of which, ", advice)
            else:
                yield None, 0.0, Message(start, _unknown(model, searched, text, place))


def _unknown(model: ParameterModel, searched: Mapping[str, Along], text: str, place: str | None) -> Message:
    """Why a difference is not known, with those that are."""
    name = model.parameter
    known = [each.label for own in searched.values() for each in own.all]
    if place is not None and not text:
        return Message(
            f"{place} has levels: say which difference, ", Argument("effects", {name: {place: {known[0]: ...}}})
        )
    return Message(f"no difference {text!r} of {place or name}. {did_you_mean(_plain(text), known, 'differences')}")


def _place(key: str, alongs: Mapping[str, Along]) -> str | None:
    """The covariate, or pair in any order, that a key names; None if it names none."""
    names = {each: each for each in alongs} | {":".join(reversed(each.split(":"))): each for each in alongs}
    return names.get("".join(key.split())) or names.get(key)


def _slope(model: ParameterModel, place: str) -> str:
    """The words of the slope that a number alone sets; empty where a factor has levels to choose from."""
    names = [place] if place in model.numbers or place in model.factors else place.split(":")
    if any(name in model.factors for name in names):
        return ""
    steps = [f"{name} + 1 SD" for name in names]
    return steps[0] if len(steps) == 1 else " x ".join(f"({each})" for each in steps)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _alongs(model: ParameterModel) -> dict[str, Along]:
    """The differences along each covariate and each product of two."""
    found = {name: along(model, [name]) for name in (*model.factors, *model.numbers)}
    return found | {":".join(pair): along(model, pair) for pair in model.products if len(pair) == 2}


def _parallel(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two differences are the same in another direction or unit; one that is always 0 is the same as any."""
    return bool(np.isclose(abs(one @ other), np.linalg.norm(one) * np.linalg.norm(other), rtol=_TINY))


def _example(name: str, alongs: Mapping[str, Along]) -> Argument:
    key, own = next(iter(alongs.items()))
    return Argument("effects", {name: {key: {own.all[0].label: -0.5}}})


def _contradictions(model: ParameterModel, own: Sequence[tuple[Difference, float]]) -> list[Message]:
    """Differences that those before them make impossible."""
    problems: list[Message] = []
    vectors, values, words = np.zeros((0, model.total)), np.zeros(0), list[str]()
    for difference, value in own:
        weights = np.linalg.lstsq(vectors.T, difference.vector, rcond=None)[0] if len(vectors) else np.zeros(0)
        if np.linalg.norm(difference.vector - weights @ vectors) > _TINY:
            vectors, values = np.vstack([vectors, difference.vector]), np.append(values, value)
            words.append(f"{difference.label} = {value:g}")
            continue
        follows = float(weights @ values)
        if abs(follows - value) > _TINY * max(1.0, abs(value), abs(follows)):
            others = [each for each, weight in zip(words, weights, strict=True) if abs(weight) > _TINY]
            reason = (
                f"contradicts {listed(others)}, from which it is {follows:g}"
                if others
                else f"is always 0 in its formula, {model.formula!r}"
            )
            problems.append(
                Message(
                    Argument("effects", {model.parameter: {difference.label: value}}), f": {difference.label} {reason}"
                )
            )
    return problems


def _open(model: ParameterModel, own: Sequence[tuple[Difference, float]]) -> list[Message]:
    """Covariates of which some differences are set that do not determine the others."""
    problems = []
    for key, each in _alongs(model).items():
        vectors = [difference.vector for difference, _ in own if difference.by == key]
        if not vectors:
            continue
        missing = []
        for comparison in each.basis:
            rank = np.linalg.matrix_rank(np.array(vectors), _TINY)
            if np.linalg.matrix_rank(np.array([*vectors, weights_of(model, comparison)]), _TINY) > rank:
                missing.append(comparison.label)
                vectors.append(weights_of(model, comparison))
        if missing:
            advice = Argument("effects", {model.parameter: {key: dict.fromkeys(missing, 0.0)}})
            problems.append(
                Message(
                    f"{model.parameter}: the effects of {key} leave open {listed(missing)}: say it too, also if it is 0: ",
                    advice,
                )
            )
    return problems

"""The user's priors as text and as plain values, for files and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument

RATES = ("Gamma", "Exponential")
"""Families whose last number in PyTensor is a scale where PyMC's argument is a rate, its reciprocal."""


@dataclass(frozen=True)
class StoredPrior:
    """A scalar distribution of PyMC with constant parameters, read from a file.

    Attributes
    ----------
    family
        Its name in PyMC, ``"Normal"``.
    numbers
        Its parameters, as its random variable in PyTensor takes them.
    """

    family: str
    numbers: tuple[float, ...]

    def to_pymc(self) -> Any:
        """The distribution of PyMC, as ``pm.Normal.dist(...)`` returns it.

        Raises
        ------
        UsageError
            If PyMC has no such distribution.
        """
        import pymc as pm

        kind = getattr(pm, self.family, None)
        if not (isinstance(kind, type) and issubclass(kind, pm.Distribution)):
            raise UsageError(
                f"a prior is stored as {self}, which the installed PyMC does not have: give the priors again, ",
                Argument("priors", NAME_ALONE),
            )
        # past the distribution's own dist, which translates the user's arguments into these numbers
        return super(kind, kind).dist(list(self.numbers))  # type: ignore[arg-type]

    def __str__(self) -> str:
        return _written(self.family, self.numbers)


def constants(prior: Any) -> tuple[str, tuple[float, ...]] | None:
    """Family and numbers, as :class:`StoredPrior` has them, of a scalar prior with constant parameters; None for any other."""
    if isinstance(prior, StoredPrior):
        return prior.family, prior.numbers
    node = getattr(prior, "owner", None)
    printed = getattr(getattr(node, "op", None), "_print_name", None)
    if node is None or not printed or not hasattr(node.op, "dist_params") or prior.ndim:
        return None
    try:
        numbers = [_constant(parameter) for parameter in node.op.dist_params(node)]
    except Exception:  # distributions made from others, such as Truncated, have no parameters of their own
        return None
    return None if any(number is None for number in numbers) else (str(printed[0]), tuple(numbers))  # type: ignore[arg-type]


def _constant(variable: Any) -> float | None:
    """The value of a scalar that depends on constants alone, ``1 / 3``; None if anything random or symbolic is in it."""
    if variable.ndim:
        return None
    leaves, constant = [variable], True
    while leaves and constant:
        leaf = leaves.pop()
        if leaf.owner is None:
            constant = hasattr(leaf, "data")
        else:
            leaves += leaf.owner.inputs
    return (float(variable.data) if variable.owner is None else float(variable.eval())) if constant else None


def text_of(prior: Any) -> str:
    """A prior as the user would write it, ``Normal(-1, 0.5)``; of others than PyMC's scalar ones, their own text."""
    known = constants(prior)
    return str(prior) if known is None else _written(*known)


def _written(family: str, numbers: tuple[float, ...]) -> str:
    canonical = numbers
    if family.startswith("Half") and len(numbers) > 1 and numbers[0] == 0:
        numbers = numbers[1:]  # where it begins
    if family in RATES:
        numbers = (*numbers[:-1], 1 / numbers[-1])
    text = ", ".join(f"{number:.3g}" for number in numbers)
    return f"{family}({text})" if _is_typed_so(family, numbers, canonical) else f"{family} with the parameters {text}"


def _is_typed_so(family: str, numbers: tuple[float, ...], canonical: tuple[float, ...]) -> bool:
    """Whether PyMC makes the same prior of these numbers in this order; of others it takes another order or keywords."""
    import pymc as pm

    try:
        again = constants(getattr(pm, family).dist(*numbers))
    except Exception:  # PyMC raises whatever it likes
        return False
    return again is not None and again[0] == family and np.allclose(again[1], canonical)


def to_plain(priors: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Family and numbers, by name, of the priors that :func:`from_plain` restores."""
    plain = {}
    for name, prior in priors.items():
        known = constants(prior)
        try:
            if known is not None and constants(StoredPrior(*known).to_pymc()) == known:
                plain[name] = [known[0], *known[1]]
        except (
            Exception
        ):  # a distribution of the user's own, or one that PyMC builds in another way: its text is stored
            continue
    return plain


def from_plain(stored: Mapping[str, list[Any]]) -> dict[str, StoredPrior]:
    """The priors that :func:`to_plain` wrote."""
    return {name: StoredPrior(str(family), tuple(map(float, numbers))) for name, (family, *numbers) in stored.items()}

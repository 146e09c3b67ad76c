"""Who is simulated and with which parameters: labels, and values drawn from ranges and distributions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.streams import Stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import EnvironmentLike, Recorded

if TYPE_CHECKING:
    import pandas as pd


def participants_and_values(
    parameters: Mapping[str, Any] | pd.DataFrame,
    environment: EnvironmentLike,
    participants: int | Sequence[Hashable] | None,
) -> tuple[tuple[Hashable, ...], dict[str, Any]]:
    """Labels of the simulated participants, and the parameter values given for them."""
    if not isinstance(parameters, Mapping) and parameters.index.name == "participant":
        parameters = parameters.reset_index()
    values = {name: parameters[name] for name in map(str, parameters)}
    rows = np.asarray(values.pop("participant")).tolist() if "participant" in values else None
    recorded = environment.trials if isinstance(environment, Recorded) else environment
    available = rows if rows is not None else list(recorded.participants) if isinstance(recorded, Trials) else None
    labels: list[Hashable]
    if participants is None:
        lengths = [len(value) for value in values.values() if np.ndim(value) == 1]
        labels = available if available is not None else list(range(lengths[0] if lengths else 1))
    elif isinstance(participants, int | np.integer):
        most = len(available) if available is not None else participants
        if not 1 <= participants <= most:
            expected = f"1 to {most}" if available is not None else "1 or more"
            raise UsageError(Argument("participants", participants), f": expected {expected}, or a list of labels")
        labels = list(available[:participants] if available is not None else range(participants))
    else:
        labels = list(participants)
    if any(label is None or label != label for label in labels):  # NaN is not equal to itself
        raise UsageError(
            Argument("participants", labels), ": a label is missing (None or NaN); give each participant one"
        )
    if not labels or len(set(map(str, labels))) < len(labels):
        raise UsageError(Argument("participants", labels), ": expected one or more labels that differ as text")
    if rows is not None:
        row_of = {label: n for n, label in enumerate(rows)}
        unknown = [label for label in labels if label not in row_of]
        if unknown:
            raise UsageError(f"the table of parameters has no participant {unknown[0]!r}")
        values = {name: np.asarray(value)[[row_of[label] for label in labels]] for name, value in values.items()}
    return tuple(labels), values


def drawn_values(name: str, value: Any, labels: Sequence[Hashable], stream: Stream) -> Any:
    """The values of a parameter; for a distribution, one draw per participant."""
    if not isinstance(value, tuple) and not hasattr(value, "ppf"):
        return value
    probability = np.array([stream("parameter", label, name).random() for label in labels])
    if not isinstance(value, tuple):
        return np.asarray(value.ppf(probability), float)
    low, high = range_of(name, value)
    return low + (high - low) * probability


def range_of(name: str, value: Any) -> tuple[float, float]:
    """The ends of a user-specified range of a parameter.

    Raises
    ------
    UsageError
        Unless the range consists of two finite numbers in ascending order.
    """
    ends = [end for end in value if isinstance(end, int | float | np.integer | np.floating) and np.isfinite(end)]
    if len(ends) != 2 or len(value) != 2 or ends[0] > ends[1]:
        raise UsageError(
            f"{name}={value!r}: a range is a pair (low, high) of finite numbers in ascending order; for one value per participant, use a list"
        )
    return float(ends[0]), float(ends[1])

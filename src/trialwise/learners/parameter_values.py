"""Check the user's parameter values and arrange them in a matrix with one row per participant."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import brief
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

if TYPE_CHECKING:
    import pandas as pd


def in_order(name: str, values: object, participants: Sequence[Hashable]) -> object:
    """Values that carry participants' labels (a pandas Series, a DataArray) in the order of the participants; others unchanged.

    Raises
    ------
    UsageError
        If the labels are not those of the participants, or it is ambiguous whether an index counts rows or names participants.
    """
    index = _index_of(values)
    if index is None or not hasattr(values, "to_numpy"):
        return values
    labels = [str(label) for label in index]
    numbered = not hasattr(values, "coords") and getattr(index, "name", None) is None
    if numbered and labels == [str(n) for n in range(len(labels))]:
        own = [str(label) for label in participants]
        if own == labels or set(own) != set(labels):
            return values.to_numpy()  # the index that pandas makes by itself
        raise UsageError(
            f"{name} has the index 0 to {len(labels) - 1}, and the participants are {', '.join(own[:5])}{', ...' if len(own) > 5 else ''}: do its "
            "rows follow the participants or the index? Give a column participant, or an array in the order of the participants"
        )
    row_of = {label: n for n, label in enumerate(labels)}
    unknown = [label for label in participants if str(label) not in row_of]
    if unknown or len(row_of) < len(labels) or len(labels) != len(participants):
        raise UsageError(
            f"{name} has values for {', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}, which are not the participants "
            f"{', '.join(map(str, participants[:5]))}{', ...' if len(participants) > 5 else ''}: give one value for each, or an array"
        )
    return values.to_numpy()[[row_of[str(label)] for label in participants]]


def _index_of(values: object) -> Iterable[Hashable] | None:
    """The labels that values carry: the index of a Series, the coordinate of the participants of a DataArray."""
    if hasattr(values, "coords") and hasattr(values, "dims"):
        own = (
            "participant" in values.coords and "participant" in values.dims
        )  # a selected participant is a value for all
        return values.coords["participant"].to_numpy().tolist() if own else None
    index = getattr(values, "index", None)
    return None if callable(index) else index  # a list has a method of this name


def matrix(learner: Learner, trials: Trials, parameters: Mapping[str, Any] | pd.DataFrame) -> np.ndarray:
    """Values as ``(participants, parameters)``, checked: each free parameter is given, has the right length and is in range.

    Values that carry labels (a pandas Series, a table with a column ``participant`` or an index of labels) are taken by label.
    """
    if "participant" in parameters:  # the table of a simulation, with a row a participant
        import pandas as pd

        rows = [str(label) for label in np.atleast_1d(np.asarray(parameters["participant"], object))]
        others = [str(name) for name in parameters if name != "participant"]
        for name in others:
            if np.shape(parameters[name]) not in ((), (len(rows),)):
                raise UsageError(
                    f"{name} has shape {np.shape(parameters[name])}; wanted one value for each of {len(rows)} labels of participant"
                )
        parameters = {name: pd.Series(np.asarray(parameters[name]), rows) for name in others}
    for name in map(str, parameters):
        if name not in learner.names:
            if name in learner.fixed:
                raise UsageError(f"{name} is fixed at {learner.fixed[name]:g} in {learner}: leave it out")
            if name in learner.tied:
                raise UsageError(f"{name} is tied to {learner.tied[name]} in {learner}: leave it out")
            if name in learner.varied:
                each = ", ".join(learner.varied[name].names(name))
                raise UsageError(f"{name} varies by {learner.varied[name].column} in {learner}: give {each}")
            raise UsageError(f"{learner} has no parameter '{name}'. {did_you_mean(name, learner.names, 'parameters')}")
    missing = [name for name in learner.names if name not in parameters]
    if missing:
        raise UsageError(f"{learner} needs a value for {', '.join(missing)}: {missing[0]}=...")
    count = trials.n_participants
    free = np.empty((count, len(learner.names)))
    for k, name in enumerate(learner.names):
        wanted = f"wanted one number, or one for each of {count} participants"
        given = in_order(name, parameters[name], trials.participants)
        try:
            values = np.asarray(given, float)
        except (TypeError, ValueError):
            raise UsageError(f"{name} = {brief(parameters[name])}: {wanted}") from None
        if values.shape not in ((), (count,)):
            raise UsageError(f"{name} has shape {values.shape}; {wanted}")
        free[:, k] = values
    outside = ~((free >= learner.lower) & (free <= learner.upper) & np.isfinite(free))
    if outside.any():
        row, k = np.argwhere(outside)[0]
        parameter = learner.parameters[k]
        if np.isnan(free[row, k]):
            raise UsageError(f"{parameter.name} of participant {trials.participants[row]} is missing (NaN)")
        raise UsageError(f"{parameter.name} = {free[row, k]:g}: {parameter.role} ranges {parameter.range}")
    return free

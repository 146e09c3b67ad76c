"""Conversion of trials to and from labelled arrays for storage, without pickle or any other executable content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trialwise.data.check_arrays import check_arrays
from trialwise.data.expansion.declared import from_plain
from trialwise.data.reading.coded import objects
from trialwise.data.trials import Column, Trials

if TYPE_CHECKING:
    import xarray as xr


def trials_to_datasets(trials: Trials) -> tuple[xr.Dataset, xr.Dataset]:
    """Convert trials to two xarray data sets, with one row per trial.

    Returns
    -------
    observed : xarray.Dataset
        Choices and responses, for the group ``observed_data``.
    constant : xarray.Dataset
        Everything else, for the group ``constant_data``.
    """
    import xarray as xr

    observed: dict[str, Any] = {} if trials.choice is None else {"choice": ("trial", trials.choice)}
    observed |= {f"response_{name}": ("trial", values) for name, values in trials.response.items()}
    constant: dict[str, Any] = {"offsets": ("bound", trials.offsets), "reset": ("trial", trials.reset)}
    constant |= {f"outcome_{name}": ("trial", values) for name, values in trials.outcome.items()}
    for name, column in trials.columns.items():
        dims = ("trial",) if column.values.ndim == 1 else ("trial", f"{name}_place")
        constant[f"column_{name}"] = (dims, column.values)
    if trials.available is not None:
        constant["available"] = (("trial", "action"), trials.available)
    if trials.scored is not None:
        constant["scored"] = ("trial", trials.scored)
    if trials.rt is not None:
        constant["rt"] = ("trial", trials.rt)
    if trials.row is not None:
        constant["row"] = ("trial", trials.row)
    metadata = {
        "participants": list(trials.participants),
        "trial": None if trials.trial is None else list(trials.trial),
        "file": None if trials.file is None else list(trials.file),
        "levels": {name: list(labels) for name, labels in trials.levels.items()},
        "columns": {name: column.levels for name, column in trials.columns.items()},
        "response": list(trials.response),
        "outcome": list(trials.outcome),
        "declared": sorted(trials.declared),
        "excluded": {reason: list(labels) for reason, labels in trials.excluded.items()},
        "expansion": None if trials.expansion is None else trials.expansion.plain(),
        "mapping": dict(trials.mapping),
        "notes": list(trials.notes),
    }
    return xr.Dataset(observed), xr.Dataset(constant, attrs={"trials": json.dumps(metadata, default=_plain)})


def trials_from_datasets(observed: xr.Dataset, constant: xr.Dataset) -> Trials:
    """Restore the trials that :func:`trials_to_datasets` converted.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing, or the arrays do not fit together.
    """
    metadata = json.loads(constant.attrs["trials"])

    def array(data, name):
        return data[name].to_numpy() if name in data else None

    trials = Trials(
        participants=tuple(metadata["participants"]),
        offsets=constant["offsets"].to_numpy(),
        choice=array(observed, "choice"),
        outcome={name: constant[f"outcome_{name}"].to_numpy() for name in metadata["outcome"]},
        response={name: observed[f"response_{name}"].to_numpy() for name in metadata["response"]},
        columns={n: Column(constant[f"column_{n}"].to_numpy(), levels) for n, levels in metadata["columns"].items()},
        levels={name: tuple(labels) for name, labels in metadata["levels"].items()},
        reset=constant["reset"].to_numpy().astype(bool),
        available=None if "available" not in constant else constant["available"].to_numpy().astype(bool),
        scored=None if "scored" not in constant else constant["scored"].to_numpy().astype(bool),
        declared=frozenset(metadata["declared"]),
        excluded={reason: tuple(labels) for reason, labels in metadata.get("excluded", {}).items()},
        rt=array(constant, "rt"),
        row=array(constant, "row"),
        trial=None if metadata["trial"] is None else objects(metadata["trial"]),
        file=None if metadata.get("file") is None else objects(metadata["file"]),
        expansion=from_plain(metadata.get("expansion")),
        mapping=metadata["mapping"],
        notes=tuple(metadata["notes"]),
    )
    check_arrays(trials)
    return trials


def _plain(value: Any) -> Any:
    """A label of a NumPy or pandas type as a plain Python value."""
    return value.item() if hasattr(value, "item") else str(value)

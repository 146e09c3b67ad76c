"""Trials and learners as labelled data on disk, and back: no pickle, nothing that runs."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trialwise.learner import Learner
from trialwise.learners import BUILT_IN
from trialwise.parameters import Parameter, Setting
from trialwise.source import class_source
from trialwise.trials import Column, Trials

if TYPE_CHECKING:
    import xarray as xr


def trials_to_datasets(trials: Trials) -> tuple[xr.Dataset, xr.Dataset]:
    """``(observed_data, constant_data)``: what was chosen or responded, and everything else; a row a trial."""
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
    if trials.row is not None:
        constant["row"] = ("trial", trials.row)
    told = {
        "participants": list(trials.participants),
        "levels": {name: list(labels) for name, labels in trials.levels.items()},
        "columns": {name: column.levels for name, column in trials.columns.items()},
        "response": list(trials.response),
        "outcome": list(trials.outcome),
        "declared": sorted(trials.declared),
        "mapping": dict(trials.mapping),
        "notes": list(trials.notes),
    }
    return xr.Dataset(observed), xr.Dataset(constant, attrs={"trials": json.dumps(told, default=_plain)})


def _plain(value: Any) -> Any:
    """Labels of NumPy's and pandas' kinds as plain ones."""
    return value.item() if hasattr(value, "item") else str(value)


def trials_from_datasets(observed: xr.Dataset, constant: xr.Dataset) -> Trials:
    """The trials that :func:`trials_to_datasets` stored."""
    told = json.loads(constant.attrs["trials"])

    def of(data, name):
        return data[name].to_numpy() if name in data else None

    return Trials(
        participants=tuple(told["participants"]),
        offsets=constant["offsets"].to_numpy(),
        choice=of(observed, "choice"),
        outcome={name: constant[f"outcome_{name}"].to_numpy() for name in told["outcome"]},
        response={name: observed[f"response_{name}"].to_numpy() for name in told["response"]},
        columns={n: Column(constant[f"column_{n}"].to_numpy(), levels) for n, levels in told["columns"].items()},
        levels={name: tuple(labels) for name, labels in told["levels"].items()},
        reset=constant["reset"].to_numpy().astype(bool),
        available=None if "available" not in constant else constant["available"].to_numpy().astype(bool),
        declared=frozenset(told["declared"]),
        row=of(constant, "row"),
        mapping=told["mapping"],
        notes=tuple(told["notes"]),
    )


def learner_to_attributes(learner: Learner) -> dict[str, str]:
    """Name, text and restrictions of a learner."""
    return {
        "learner": repr(learner),
        "learner_name": type(learner).__name__,
        "learner_source": class_source(learner.agent_class),
        "learner_restrictions": json.dumps(
            {
                "settings": dict(learner.settings),
                "fixed": dict(learner.fixed),
                "tied": dict(learner.tied),
                "wrappers": [parameter.name for parameter in learner.wrappers],
            }
        ),
        "learner_fields": json.dumps({name: asdict(field) for name, field in _fields(learner).items()}),
        "parameters": json.dumps(list(learner.names)),
    }


def _fields(learner: Learner) -> dict[str, Parameter | Setting]:
    """Parameters, settings, and the parameters of wrappers."""
    return {**learner.fields, **{parameter.name: parameter for parameter in learner.wrappers}}


def fields_from_attributes(attributes: Mapping[str, Any]) -> dict[str, Parameter | Setting]:
    """Parameters and settings of a learner, wrappers' included, whether or not the learner is at hand; none if none were stored."""
    told = json.loads(attributes.get("learner_fields", "{}"))
    return {name: Parameter(**each) if "support" in each else Setting(*_setting(each)) for name, each in told.items()}


def _setting(told: Mapping[str, Any]) -> tuple[str, str, Any]:
    return told["name"], told["role"], told["value"]


def docstring_from_attributes(attributes: Mapping[str, Any]) -> str:
    """The docstring of a learner, read from its text, which is not executed; empty where nothing kept it."""
    try:
        tree = ast.parse(attributes["learner_source"])
    except SyntaxError:
        return ""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return (ast.get_docstring(classes[0]) or "") if classes else ""


def learner_from_attributes(attributes: Mapping[str, Any], cls: type | None = None) -> Learner | None:
    """The learner again: of a given class, or a built-in one. None for one of the user's whose class is not given."""
    cls = cls or BUILT_IN.get(attributes["learner_name"])
    if cls is None:
        return None
    told = json.loads(attributes["learner_restrictions"])
    learner: Learner = cls(**told["settings"])
    for wrapper in told["wrappers"]:
        learner = getattr(learner, f"with_{wrapper}")()
    if told["fixed"]:
        learner = learner.fix(**told["fixed"])
    return learner.tie(**told["tied"]) if told["tied"] else learner

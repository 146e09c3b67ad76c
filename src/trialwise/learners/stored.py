"""Store learners as text, and restore them, without pickle; no stored code is executed."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trialwise.base.errors import UsageError
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter, Setting
from trialwise.learners.source import class_source
from trialwise.learners.zoo import BUILT_IN


def learner_to_attributes(learner: Learner) -> dict[str, str]:
    """Name, source and restrictions of a learner."""
    return {
        "learner": repr(learner),
        "learner_name": type(learner).__name__,
        "learner_source": class_source(learner.agent_class),
        "learner_key": learner.key,
        "learner_responses": json.dumps({name: family.name for name, family in learner.responses.items()}),
        "learner_restrictions": json.dumps(
            {
                "settings": dict(learner.settings),
                "fixed": dict(learner.fixed),
                "tied": dict(learner.tied),
                "wrappers": [parameter.name for parameter in learner.wrappers],
                "varied": {name: {each.column: list(each.levels)} for name, each in learner.varied.items()},
            }
        ),
        "learner_fields": json.dumps({name: asdict(field) for name, field in _fields(learner).items()}),
        "parameters": json.dumps(list(learner.names)),
    }


def _fields(learner: Learner) -> dict[str, Parameter | Setting]:
    """Parameters, settings, the parameters of wrappers, and those of levels."""
    return {**learner.fields, **{each.name: each for each in (*learner.wrappers, *learner.parameters)}}


def fields_from_attributes(attributes: Mapping[str, Any]) -> dict[str, Parameter | Setting]:
    """Parameters (including those of wrappers) and settings of a stored learner; empty if none were stored."""
    fields = json.loads(attributes.get("learner_fields", "{}"))
    return {name: Parameter(**item) if "support" in item else Setting(*_setting(item)) for name, item in fields.items()}


def _setting(field: Mapping[str, Any]) -> tuple[str, str, Any]:
    return field["name"], field["role"], field["value"]


def docstring_from_attributes(attributes: Mapping[str, Any]) -> str:
    """The docstring of a stored learner, parsed from its source, which is not executed; empty if not available."""
    tree = _class_from_attributes(attributes)
    return (ast.get_docstring(tree) or "") if tree else ""


def methods_from_attributes(attributes: Mapping[str, Any]) -> frozenset[str]:
    """Names of the methods of a stored learner's class, without inherited ones, parsed from its source, which is not executed."""
    tree = _class_from_attributes(attributes)
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef)) if tree else frozenset()


def _class_from_attributes(attributes: Mapping[str, Any]) -> ast.ClassDef | None:
    try:
        tree = ast.parse(attributes["learner_source"])
    except SyntaxError:
        return None
    return next((node for node in tree.body if isinstance(node, ast.ClassDef)), None)


def learner_from_attributes(attributes: Mapping[str, Any], cls: type | None = None) -> Learner | None:
    """Restore a learner of the given or a built-in class; None for a user's learner if the class is not given.

    Raises
    ------
    UsageError
        If the given class is not the one that was stored.
    """
    cls = cls or BUILT_IN.get(attributes["learner_name"])
    if cls is None:
        return None
    restrictions = json.loads(attributes["learner_restrictions"])
    try:
        learner: Learner = cls(**restrictions["settings"])
    except TypeError as error:
        raise _another(attributes, f"it does not take the same settings ({error})") from None
    for wrapper in restrictions["wrappers"]:
        learner = getattr(learner, f"with_{wrapper}")()
    if restrictions["fixed"]:
        learner = learner.fix(**restrictions["fixed"])
    if restrictions["tied"]:
        learner = learner.tie(**restrictions["tied"])
    if restrictions.get("varied"):
        learner = learner.vary(**restrictions["varied"])
    return learner


def check_same(learner: Learner, attributes: Mapping[str, object]) -> None:
    """Raise UsageError unless a user's learner computes what the stored one did; built-in ones are those of their version.

    Within a version of Python by the bytecode with everything it refers to, else by the source of the class without comments.
    """
    if type(learner) is BUILT_IN.get(type(learner).__name__):
        return
    version = ".".join(sys.version.split()[0].split(".")[:2])
    if str(attributes["python_version"]).startswith(version + "."):
        same = learner.key == attributes["learner_key"]
    else:
        same = _bare(class_source(learner.agent_class)) == _bare(str(attributes["learner_source"]))
    if not same:
        raise _another(attributes, "its code, a helper or a constant has changed")


def _bare(source: str) -> str:
    """A class without comments and docstrings; the text itself where it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _another(attributes: Mapping[str, object], why: str) -> UsageError:
    name = attributes["learner_name"]
    return UsageError(
        f"this {name} is not the one that was fitted: {why}. Pass the class as it was (its source is in fit.attrs['learner_source'] "
        "of the fit loaded without it), or fit again"
    )

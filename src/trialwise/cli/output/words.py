"""Messages for the command line: the argument ``choice='key'`` of the library is written as the option ``--choice key``."""

from __future__ import annotations

import re
import shlex
from typing import Any

from trialwise.base.message import (
    MOST,
    Argument,
    Code,
    Input,
    Lapse,
    LearnerSetting,
    Message,
    Restriction,
    Whole,
    in_python,
    is_name_alone,
)

FLAGS = ("anew", "baselines", "overwrite", "potential", "refit", "wide")
"""Options without a value."""

REPEATED = ("missing",)
"""Options that take one value and are repeated for several."""

IN_PYTHON_ONLY = (
    "at", "checkpoint", "checks", "columns", "comparison", "estimates", "executor", "expansion", "filters", "folder", "geometry", "gradient", "inputs",
    "interval", "keep_missed", "kind", "means", "measures", "noise", "only", "past", "phase", "phases", "plain", "presentations", "priors",
    "ranks", "recovery", "rope", "same_as", "shocks", "what",
)  # fmt: skip
"""Arguments that no command has as an option."""

CONDITIONS = ("where", "exclude")
"""Arguments that are conditions."""

RENAMED = {"folder": "-o", "executor": "--scheduler"}
"""Arguments whose options have other names."""

PLACEHOLDERS = {"expand": "STAGES", "participants": "FILE", "where": "CONDITION"}
"""What stands for a value that is left open, if it is no column."""


def in_options(message: str) -> str:
    """A message of the library with its arguments written as options; all other text is unchanged."""
    parts = message.parts if isinstance(message, Message) else (message,)
    return "".join(part if isinstance(part, str) else _as_option(part) for part in parts)


def _as_option(element: Input) -> str:
    if isinstance(element, Restriction):
        each = (f"--{element.method} {name}={_plain(value)}" for name, value in element.arguments)
        return " ".join(each) or f"--{element.method}"
    if isinstance(element, Lapse):
        return "--lapse"
    if isinstance(element, LearnerSetting):
        return f"--set {element.name}={_plain(element.value)}"
    if element.name in RENAMED and isinstance(element.value, str):
        return f"{RENAMED[element.name]} {shlex.quote(_plain(element.value))}"
    if element.name == "truth" and isinstance(element.value, dict):
        return " ".join(f"--param {name}={_plain(value)}" for name, value in element.value.items())
    if element.name == "available" and isinstance(element.value, dict):
        return " ".join(
            f"--available {condition_in_shell(f'{action}={rows}')}" for action, rows in element.value.items()
        )
    if element.name == "formulas":
        return " ".join(f"--formula {text}".rstrip() for text in _formulas(element.value))
    if element.name == "effects":
        return " ".join(f"--effect {text}" for text in _effects(element.value))
    if element.name in IN_PYTHON_ONLY:
        return f"in Python, {element}"
    if is_name_alone(element.value) or element.name in FLAGS:
        return f"--{element.name}"
    if element.name == "exclude":
        return " ".join(f"--exclude {condition_in_shell(rule)}" for rule in _rules(element.value))
    option = f"--{element.name.replace('_', '-')}"
    if element.name == "correlated":
        return " ".join(f"{option} {block}" for block in _blocks(element.value))
    if element.name in REPEATED and isinstance(element.value, list):
        return " ".join(f"{option} {shlex.quote(_plain(each))}" for each in element.value)
    return f"{option} {_value(element)}"


def _rules(rules: Any) -> list[str]:
    """Rules of exclusion as the command line takes them: ``reason: condition``, the condition alone if it is its own reason."""
    if not isinstance(rules, dict):
        return [_plain(rule) for rule in rules] if isinstance(rules, list) else [_plain(rules)]
    conditions = {
        reason: rule if isinstance(rule, str) else f"participant in {in_python(list(rule))}"
        for reason, rule in rules.items()
    }
    return [condition if condition == reason else f"{reason}: {condition}" for reason, condition in conditions.items()]


def _formulas(formulas: object) -> list[str]:
    """Formulas as the command line takes them; without a value one that is empty."""
    if is_name_alone(formulas):
        return [""]
    if isinstance(formulas, dict):
        formulas = [f"{name} ~ {text}" for name, text in formulas.items()]
    texts = formulas if isinstance(formulas, list | tuple) else [formulas]
    return [condition_in_shell(_plain(text)) for text in texts]


def _effects(effects: object) -> list[str]:
    """True effects as the command line takes them: ``alpha: group: patient - control = -0.5``."""
    if not isinstance(effects, dict):
        return ["EFFECT"]
    texts = []
    for name, given in effects.items():
        for key, value in given.items() if isinstance(given, dict) else [("", given)]:
            labels = value.items() if isinstance(value, dict) else [("", value)]
            texts += [f"{': '.join(filter(None, (name, key, label)))} = {_plain(number)}" for label, number in labels]
    return [shlex.quote(text) for text in texts]


def _blocks(correlated: object) -> list[str]:
    """Blocks of correlated parameters as the command line takes them, one a time that the option is repeated."""
    if not isinstance(correlated, list):
        return ["none" if correlated is False else "all" if correlated is True else _plain(correlated)]
    return [_listed(block) if isinstance(block, list) else _plain(block) for block in correlated]


def _value(argument: Argument) -> str:
    """The value of an argument, written as the value of an option."""
    value = argument.value
    if value is False:
        return "none"
    if value is True and argument.name == "reset":
        return "block"
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, dict) and all(isinstance(labels, list) for labels in value.values()):
        return " ".join(f"{name}={_listed(labels)}" for name, labels in value.items())
    if isinstance(value, set):
        return "context=a,b,c"
    if isinstance(value, Code):
        value = value.removesuffix("()")
    if value is ... or (isinstance(value, str) and value == "..."):
        return PLACEHOLDERS.get(argument.name, "COLUMN")
    return (condition_in_shell if argument.name in CONDITIONS else shlex.quote)(_plain(value))


def condition_in_shell(condition: str) -> str:
    """A condition quoted for the shell: its texts in double quotes, as single ones within single ones are hard to read and to retype."""
    names = re.findall("`[^`]*`", condition)
    if not set('"\\') & set(condition) and not any("'" in name for name in names):
        condition = condition.replace("'", '"')
    return shlex.quote(condition)


def _listed(labels: list[Any]) -> str:
    return "a,b,c" if labels == [...] else shlex.quote(",".join(map(_plain, labels)))


def _plain(value: Any) -> str:
    """A value as text on one line, truncated if it is long."""
    text = "..." if value is ... else str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= MOST - 2 or isinstance(value, Whole) else f"{text[: MOST - 5]}..."

"""Python and the command line have the same defaults."""

import inspect
from typing import get_args

import pytest
import typer

import trialwise as tw
from trialwise.analysis.comparison.crossvalidation import Method
from trialwise.cli.app import app
from trialwise.cli.compare import By

EXCEPTIONS = {
    (
        "compare",
        "method",
    ): "in Python the default depends on the objects compared; the command line always compares fits",
    ("fit", "correlated"): "no option at all is the default, False",
}
"""Defaults that differ, with the reason."""

COMMANDS = typer.main.get_command(app).commands
CASES = [
    (verb, option.name)
    for verb, command in COMMANDS.items()
    if callable(getattr(tw, verb, None))
    for option in command.params
    if option.param_type_name == "option" and option.name in inspect.signature(getattr(tw, verb)).parameters
]


@pytest.mark.parametrize(("verb", "name"), CASES)
def test_default_of_the_option_is_that_of_the_argument(verb, name):
    """An option of None is not passed to the function."""
    option = next(each for each in COMMANDS[verb].params if each.name == name)
    default = getattr(option.default, "value", option.default)
    if (verb, name) not in EXCEPTIONS and default is not None:
        assert default == inspect.signature(getattr(tw, verb)).parameters[name].default


def test_seeds_are_tested():
    assert {verb for verb, name in CASES if name == "seed"} >= {
        "fit",
        "simulate",
        "check",
        "recover",
        "calibrate",
        "confuse",
        "compare",
    }


def test_criteria_of_compare_are_those_of_the_library():
    assert tuple(map(str, By)) == get_args(Method)

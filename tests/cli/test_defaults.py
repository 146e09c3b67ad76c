"""Python and the command line have the same defaults."""

import inspect

import pytest
import typer

import trialwise as tw
from trialwise.cli.app import app

OTHER = {
    (
        "compare",
        "method",
    ): "Python chooses by the kind of what is compared; the command line is given fits, and names the choice"
}
"""Defaults that differ, each with its reason."""

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
    """An option that is not given, None, leaves the argument out of the call."""
    option = next(each for each in COMMANDS[verb].params if each.name == name)
    default = getattr(option.default, "value", option.default)
    if (verb, name) not in OTHER and default is not None:
        assert default == inspect.signature(getattr(tw, verb)).parameters[name].default


def test_seeds_are_among_them():
    assert {verb for verb, name in CASES if name == "seed"} >= {
        "fit",
        "simulate",
        "check",
        "recover",
        "calibrate",
        "confuse",
        "compare",
    }

"""Arguments in messages of the library exist as options of the command line, or are marked as arguments of Python."""

import ast
from pathlib import Path

import typer

import trialwise as tw
from trialwise.base.message import Argument, Message
from trialwise.cli.app import app
from trialwise.cli.output.words import IN_PYTHON_ONLY, in_options

SOURCE = Path(tw.__file__).parent
OPTIONS = {
    name.removeprefix("--")
    for command in typer.main.get_command(app).commands.values()
    for parameter in command.params
    for name in parameter.opts
}


def arguments():
    """Names of arguments in messages, with file and line."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Argument":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    yield name.value, f"{path.relative_to(SOURCE)}:{node.lineno}"


def test_every_argument_is_an_option_or_marked_for_python():
    missing = {
        name: location
        for name, location in arguments()
        if name.replace("_", "-") not in OPTIONS and name not in IN_PYTHON_ONLY
    }
    assert not missing
    assert not set(IN_PYTHON_ONLY) & OPTIONS


def test_arguments_without_an_option_are_marked_for_python():
    message = Message("give narrower priors (", Argument("priors", {"alpha_mu": ...}), ")")
    assert in_options(message) == 'give narrower priors (in Python, priors={"alpha_mu": ...})'
    assert in_options(Message("use more, ", Argument("particles", 200))) == "use more, --particles 200"

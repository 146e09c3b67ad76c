"""Arguments in messages of the library exist as options of the command line, or are marked as arguments of Python."""

import ast
import re
from pathlib import Path

import pytest
import typer

import trialwise as tw
from trialwise.base.message import Argument, Code, LearnerSetting, Message, Restriction
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
        if name.replace("_", "-") not in OPTIONS
        and name not in IN_PYTHON_ONLY
        and name not in ("formulas", "effects")  # --formula, --effect
    }
    assert not missing
    assert not set(IN_PYTHON_ONLY) & OPTIONS


def test_arguments_without_an_option_are_marked_for_python():
    message = Message("give narrower priors (", Argument("priors", {"alpha_mu": ...}), ")")
    assert in_options(message) == 'give narrower priors (in Python, priors={"alpha_mu": ...})'
    assert in_options(Message("use more, ", Argument("particles", 200))) == "use more, --particles 200"


PLACES = {
    "cli/": "texts of the command line itself: values of its options",
    "engine/": "explanations of a learner's own code, which is Python",
    "reports/sections/": "pages that name what to type in Python and, in brackets, on the command line",
    "base/notebook.py": "HTML",
    "data/reading/": "names of roles, and examples with the user's own labels",
    "data/expansion/": "the text form of expansions, which is the same on the command line",
    "environments/simulation.py": "the headline of a result: the call in Python",
    "inference/fit.py": "the attribute of a fit that records the call in Python",
}
"""Places where an argument of Python may stand in plain text, with the reason."""


def texts(tree):
    """The plain texts of a file, without docstrings, and their lines; values within them become ``{}``."""
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in skipped:
            skipped |= set(map(id, node.values))
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value, node.lineno


def plain_texts():
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        for text, line in texts(ast.parse(path.read_text("utf-8"))):
            yield name, line, text


def test_arguments_in_messages_are_arguments_and_no_plain_text():
    argument = re.compile(r"(?<![\w.\-])[a-z_]+=(?!=)")
    found = [
        f"{name}:{line}: {text}"
        for name, line, text in plain_texts()
        if argument.search(re.sub(r"in Python, [\w.]+\([^)]*\)", "", text)) and not name.startswith(tuple(PLACES))
    ]
    assert not found, "\n".join(["write Argument(name, value) in place of name=value", *found])


def test_the_library_names_no_options_of_the_command_line():
    found = [
        f"{name}:{line}: {text}"
        for name, line, text in plain_texts()
        if re.search(r"(^|[ (])--[a-z]", text) and not name.startswith(("cli/", "reports/sections/"))
    ]
    assert not found, "\n".join(["write Argument(name, value) in place of --name value", *found])


@pytest.mark.parametrize(
    ("element", "python", "typed"),
    [
        (Argument("overwrite", True), "overwrite=True", "--overwrite"),
        (Argument("wide", True), "wide=True", "--wide"),
        (Argument("truth", {"alhpa": ...}), 'truth={"alhpa": ...}', "--param alhpa=..."),
        (Argument("environment", Code("AlienTask()")), "environment=AlienTask()", "--environment AlienTask"),
        (
            Argument("priors", Code("{'alpha_mu': pm.Normal.dist(-0.123, 0.5), 'other': 1}")),
            "priors={'alpha_mu': pm.Normal.dist(-0.123, 0.5), 'other': 1}",
            "in Python, priors={'alpha_mu': pm.Normal.dist(-0.123, 0.5), 'other': 1}",
        ),
        (Argument("workers", 1), "workers=1", "--workers 1"),
        (Argument("folder", "a b"), "folder='a b'", "-o 'a b'"),
        (Argument("executor", "tcp://10.0.0.1:1"), "executor='tcp://10.0.0.1:1'", "--scheduler tcp://10.0.0.1:1"),
        (Argument("recovery", {"a": ...}), 'recovery={"a": ...}', 'in Python, recovery={"a": ...}'),
        (
            Argument("formulas", {"alpha": "group", "beta": "age"}),
            "formulas={\"alpha\": 'group', \"beta\": 'age'}",
            "--formula 'alpha ~ group' --formula 'beta ~ age'",
        ),
        (
            Argument("formulas", ["alpha ~ C(dose, Sum('low'))"]),
            """formulas=["alpha ~ C(dose, Sum('low'))"]""",
            """--formula 'alpha ~ C(dose, Sum("low"))'""",
        ),
        (Argument("formulas", "name alone"), "formulas=", "--formula"),
        (
            Argument("effects", {"alpha": {"group": {"a - b": -0.5, "c - b": ...}, "age": 0.3}}),
            'effects={"alpha": {"group": {"a - b": -0.5, "c - b": ...}, "age": 0.3}}',
            "--effect 'alpha: group: a - b = -0.5' --effect 'alpha: group: c - b = ...' --effect 'alpha: age = 0.3'",
        ),
        (Argument("effects", ...), "effects=...", "--effect EFFECT"),
        (Argument("sessions", ["placebo", "drug"]), "sessions=['placebo', 'drug']", "--sessions placebo,drug"),
        (Argument("participants", ...), "participants=...", "--participants FILE"),
        (Argument("random", "intercept"), "random='intercept'", "--random intercept"),
        (Argument("correlated", False), "correlated=False", "--correlated none"),
        (Argument("correlated", True), "correlated=True", "--correlated all"),
        (
            Argument("correlated", [["alpha", "beta"], ["forget"]]),
            "correlated=[['alpha', 'beta'], ['forget']]",
            "--correlated alpha,beta --correlated forget",
        ),
        (Argument("missing_covariates", "drop"), "missing_covariates='drop'", "--missing-covariates drop"),
        (Restriction("fix", "alpha"), ".fix(alpha=...)", "--fix alpha=..."),
        (LearnerSetting("QLearning", "initial", 1.2), "QLearning(initial=1.2)", "--set initial=1.2"),
    ],
)
def test_what_is_typed_in_python_and_in_the_shell(element, python, typed):
    message = Message("type ", element)
    assert message == f"type {python}" and in_options(message) == f"type {typed}"


def test_code_is_copied_with_its_message():
    import pickle

    message = pickle.loads(pickle.dumps(Message(Argument("environment", Code("AlienTask()")))))
    assert message == "environment=AlienTask()"

"""The house: arrows run down, and nothing reaches for what is not its business."""

import ast
import itertools
from pathlib import Path

import pytest

import trialwise

SOURCE = Path(trialwise.__file__).parent

FLOORS = (
    "errors cores engine.number environments.alien_rewards recognise cells files progress whitening frequencies bayes_factors docstrings rounding plots __init__",
    "source parameters state flavours",
    "learner trials fetch tables_on_disk",
    "declaration",
    "columns byhand inspection validate learners environments",
    "assemble ordering behaviour phases",
    "roles wide",
    "read",
    "data_sets engine",
    "expansion emulator likelihood transforms marginal hidden_values evaluate specimen priors stored diagnostics",
    "study hierarchy posterior starts simulate contract",
    "conformance inference",
    "fitted",
    "fit",
    "truth",
    "integrated recovered predict diagnose",
    "check recover calibrate confuse crossvalidation",
    "compare",
    "report",
    "cli",
)
"""From the ground up. A module imports from its own floor and from those below; a package stands for all its modules."""

EXCEPTIONS = {
    ("progress", "print"): "bars of a fit that takes minutes, in notebooks and scripts too; silent if asked to be",
    ("conformance", "print"): "check_learner prints its table where it is called, as a doctest or a notebook wants it",
}
"""Accepted breaches, each with its reason."""

SAMPLERS = {"nutpie", "blackjax", "numpyro"}
PRINTERS = {"rich", "typer", "click"}


def name_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {name_of(path): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(node):
    """All modules that a tree imports, in functions too, but not under ``TYPE_CHECKING``; ``trialwise.`` left out."""
    for child in ast.iter_child_nodes(node):
        if is_for_types(child):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            inner = [f"{child.module}.{alias.name}" for alias in child.names]
            modules = [name for name in inner if name.removeprefix("trialwise.") in TREES]
            yield from modules if modules else [str(child.module)]
        elif (
            isinstance(child, ast.Call)
            and ast.unparse(child.func) in ("import_module", "importlib.import_module")
            and isinstance(child.args[0], ast.Constant)
        ):
            yield child.args[0].value
        yield from imports(child)


IMPORTS = {name: set(imports(tree)) for name, tree in TREES.items()}
OWN = {
    name: {other.removeprefix("trialwise.") for other in found if other.startswith("trialwise.")}
    for name, found in IMPORTS.items()
}


def foreign(name):
    return {other.split(".")[0] for other in IMPORTS[name]}


def floor_of(name):
    """The floor of a module: by its own name, or by that of its package."""
    for place in (name, name.split(".")[0]):
        for height, names in enumerate(FLOORS):
            if place in names.split():
                return height
    pytest.fail(f"{name} stands on no floor: put it into FLOORS")


def inside(name, *packages):
    return name.split(".")[0] in packages


@pytest.mark.parametrize("name", TREES)
def test_arrows_run_down(name):
    for other in OWN[name]:
        if name.split(".")[0] != other.split(".")[0]:
            assert floor_of(other) <= floor_of(name), f"{name} imports {other}, which stands above it"


def test_no_circles():
    def follow(name, path):
        if name in path:
            pytest.fail("a circle: " + " -> ".join([*path[path.index(name) :], name]))
        if name not in done:
            for other in sorted(OWN.get(name, ())):
                follow(other, [*path, name])
            done.add(name)

    done = set()
    for name in TREES:
        follow(name, [])


def test_floors_name_each_module_once():
    names = list(itertools.chain.from_iterable(floor.split() for floor in FLOORS))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", [name for name in TREES if inside(name, "learners")])
def test_learners_know_nothing_of_the_engine(name):
    assert all(inside(other, "declaration", "learners", "parameters", "state") for other in OWN[name])


@pytest.mark.parametrize("name", [name for name in TREES if inside(name, "engine")])
def test_the_engine_names_no_learner(name):
    assert not any(inside(other, "learners") for other in OWN[name])
    from trialwise.learners import BUILT_IN

    words = {node.id for node in ast.walk(TREES[name]) if isinstance(node, ast.Name)}
    assert not words & set(BUILT_IN)


@pytest.mark.parametrize("name", TREES)
def test_only_inference_samples(name):
    assert inside(name, "inference") or not foreign(name) & SAMPLERS


@pytest.mark.parametrize("name", TREES)
def test_only_plots_draw(name):
    assert inside(name, "plots", "report") or not foreign(name) & {"matplotlib", "arviz_plots"}


@pytest.mark.parametrize("name", TREES)
def test_only_the_command_line_prints(name):
    if inside(name, "cli"):
        return
    calls = [ast.unparse(node.func) for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    prints = "print" in calls or bool(foreign(name) & PRINTERS)
    assert not prints or (name, "print") in EXCEPTIONS


def test_exceptions_are_still_needed():
    assert "rich" in foreign("conformance")


@pytest.mark.parametrize("name", [name for name in TREES if inside(name, "cli")])
def test_a_module_of_the_command_line_is_small(name):
    assert len(ast.unparse(TREES[name]).splitlines()) < 250

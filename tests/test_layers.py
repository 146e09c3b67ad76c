"""The architecture of the package: imports go from higher to lower folders, without circles, and responsibilities stay separate."""

import ast
import re
from pathlib import Path

import trialwise
from trialwise.base.streams import PURPOSES

SOURCE = Path(trialwise.__file__).parent

FOLDERS = [
    "base",
    "data",
    "learners",
    "engine",
    "environments",
    "likelihoods",
    "population",
    "inference",
    "analysis",
    "studies",
    "plots",
    "reports",
    "cli",
]
"""The folders from the lowest to the highest. A module imports from its own folder and from lower ones, type-only imports included."""

UPWARDS = {("base.result", "plots")}
"""Imports from a higher folder: the plot of a result, imported late."""

PRINTING = {
    "base.progress": "progress bars of long fits, also in notebooks and scripts; can be switched off",
    "analysis.conformance.check_learner": "check_learner prints its table, for doctests and notebooks",
}
"""Modules outside the command line that print, with the reason."""

ASK_FOR_HIDDEN_CHOICES = ("learners.", "engine.", "likelihoods.", "analysis.conformance.")
"""Modules that ask a learner whether it makes a hidden choice; other modules ask a likelihood or a fit."""

SAMPLERS = {"nutpie", "blackjax", "numpyro"}
PRINTERS = {"rich", "typer", "click"}
DRAWING = {"matplotlib", "arviz_plots"}


def name_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {name_of(path): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def imports(node):
    """All modules that a syntax tree imports, at any level."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            qualified = [f"{child.module}.{alias.name}" for alias in child.names]
            modules = [name for name in qualified if name.removeprefix("trialwise.") in TREES]
            yield from modules
            if len(modules) < len(qualified):
                yield str(child.module)
        elif (
            isinstance(child, ast.Call)
            and ast.unparse(child.func) in ("import_module", "importlib.import_module")
            and isinstance(child.args[0], ast.Constant)
        ):
            yield child.args[0].value
        yield from imports(child)


def late_imports(name):
    """Modules that a package imports when a name is asked for (listed in its stub), or finds by their place in its folder."""
    directory = SOURCE.joinpath(*name.split("."))
    calls = {ast.unparse(node.func).split(".")[-1] for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)}
    if "attach_stub" in calls:
        for node in ast.walk(ast.parse((directory / "__init__.pyi").read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:  # stubs of lazy packages import from their own folder
                yield f"trialwise.{name}.{node.module}"
    if calls & {"modules_in", "classes_in", "instances_in"} and name != "base.discovery":
        yield from (f"trialwise.{other}" for other in TREES if other.rpartition(".")[0] == name)


IMPORTS = {name: {*imports(tree), *late_imports(name)} for name, tree in TREES.items() if name != "__init__"}
INTERNAL = {
    name: {other.removeprefix("trialwise.") for other in imported if other.startswith("trialwise.")} - {name}
    for name, imported in IMPORTS.items()
}


def folder(name):
    return name.split(".")[0]


def foreign(name):
    return {other.split(".")[0] for other in IMPORTS[name]}


def report(breaches):
    lines = sorted(breaches)
    assert not lines, "\n" + "\n".join(lines)


def cycles(edges):
    """Every cycle of a directed graph, as text."""
    result, finished = [], set()

    def follow(name, path):
        if name in path:
            result.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in finished:
            for other in sorted(edges.get(name, ())):
                follow(other, [*path, name])
            finished.add(name)

    for name in edges:
        follow(name, [])
    return result


def test_every_folder_is_listed():
    names = {
        path.name for path in SOURCE.iterdir() if path.name != "__pycache__" and path.suffix not in (".pyi", ".typed")
    }
    assert names == {*FOLDERS, "__init__.py"}


def test_only_the_command_line_imports_the_top_of_the_package():
    """Through it a module could reach any other."""
    assert {name for name in IMPORTS if "trialwise" in IMPORTS[name]} == {"cli.app"}  # for the version


def test_imports_are_from_lower_folders():
    height = {name: k for k, name in enumerate(FOLDERS)}
    report(
        f"{name} imports {other} from a higher folder"
        for name in INTERNAL
        for other in INTERNAL[name]
        if (name, other) not in UPWARDS and height.get(folder(other), 99) > height[folder(name)]
    )


def test_exceptions_for_higher_folders_are_needed():
    report(f"{name} no longer imports {other}" for name, other in UPWARDS if other not in INTERNAL[name])


def test_no_circular_imports():
    edges = {name: {other for other in INTERNAL[name] if (name, other) not in UPWARDS} for name in INTERNAL}
    report(cycles(edges))


def test_no_circular_imports_between_subfolders():
    """All modules of a subfolder count as one."""
    breaches = []
    for parent in {name.rpartition(".")[0] for name in INTERNAL if "." in name}:
        depth = parent.count(".") + 2

        def subfolder(name, parent=parent, depth=depth):
            return ".".join(name.split(".")[:depth]) if name.startswith(parent + ".") else None

        edges = {}
        for name in INTERNAL:
            if subfolder(name):
                edges.setdefault(subfolder(name), set()).update(
                    subfolder(other) for other in INTERNAL[name] if subfolder(other)
                )
        breaches += cycles({name: others - {name} for name, others in edges.items()})
    report(breaches)


def test_built_in_learners_do_not_import_the_engine():
    report(
        f"{name} imports {other}"
        for name in INTERNAL
        if name.startswith("learners.zoo.")
        for other in INTERNAL[name]
        if not other.startswith(
            ("learners.zoo", "learners.assumptions", "learners.decorator", "learners.parameters", "learners.state")
        )
    )


def test_the_engine_names_no_learner():
    from trialwise.learners import BUILT_IN

    for name in INTERNAL:
        if folder(name) == "engine":
            words = {node.id for node in ast.walk(TREES[name]) if isinstance(node, ast.Name)}
            assert not words & set(BUILT_IN), name
            assert not any(other.startswith("learners.zoo") for other in INTERNAL[name]), name


def strings(tree):
    """All strings of a module except docstrings, including parts of f-strings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


SPECIFIC = {
    "learners.zoo": "learners of single tasks",
    "environments.tasks": "the tasks",
    "analysis.behaviour.tasks": "measures of single tasks, found by the columns of the trials",
    "data.public": "public data sets, with the names in their files",
    "data.bundled": "simulated data sets, with the names of their folders",
    "cli.demo": "an analysis of the bundled data, in the environment that they were simulated in",
}
"""Where tasks are named, with the reason: general code knows what is specific to one from the environment, learner or data set."""


def test_general_modules_name_no_task():
    """Neither built-in environments nor the words of the first of them, in names or in texts; examples in docstrings may."""
    from trialwise.environments import BUILT_IN

    words = re.compile("|".join([*BUILT_IN, "alien", "season"]), re.IGNORECASE)

    def names(tree):
        for node in ast.walk(tree):
            yield from (str(getattr(node, field, "")) for field in ("id", "attr", "name", "arg", "module"))

    naming = {
        name: sorted({text for text in (*strings(tree), *names(tree)) if words.search(text)})
        for name, tree in TREES.items()
    }
    report(
        f"{name} names a task: {texts}"
        for name, texts in naming.items()
        if texts and not name.startswith(tuple(SPECIFIC))
    )
    assert all(any(naming[name] for name in naming if name.startswith(each)) for each in SPECIFIC)


def test_only_the_population_and_its_draws_name_posterior_variables():
    """``alpha_mu``, ``alpha_sd``, ``alpha_group``, ``alpha_unconstrained`` and ``individual``."""
    allowed = {name for name in TREES if folder(name) == "population"} | {"inference.draws"}
    report(
        f"{name} names a posterior variable: {text!r}"
        for name, tree in TREES.items()
        if name not in allowed
        for text in strings(tree)
        if re.search(r"_(mu|sd|group|unconstrained)\b", text) or text == "individual"
    )


def test_only_listed_modules_ask_whether_a_choice_is_hidden():
    """Others ask a likelihood or a fit, e.g. ``likelihood.exact``.

    In the same way only response families say whether a response is a choice (``learner.acts``). What *data* hold may be asked
    anywhere, e.g. ``trials.choice is None``: a table can have choices, other responses or both.
    """

    def names(tree):
        return {getattr(node, "attr", None) or getattr(node, "name", None) for node in ast.walk(tree)}

    report(
        f"{name} asks whether a learner hides a choice"
        for name, tree in TREES.items()
        if "hides" in names(tree) and not name.startswith(ASK_FOR_HIDDEN_CHOICES)
    )


def test_the_engine_is_used_through_its_interface():
    """Other folders use the names in ``engine/__init__.pyi``, and all of these are used."""
    internal = {
        name: {other for other in INTERNAL[name] if other.startswith("engine.")}
        for name in INTERNAL
        if folder(name) != "engine"
    }
    report(
        f"{name} imports from {other}: import it from trialwise.engine" for name in internal for other in internal[name]
    )
    stub = ast.parse((SOURCE / "engine" / "__init__.pyi").read_text())
    public = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {
        alias.name
        for name, tree in TREES.items()
        if folder(name) != "engine"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "trialwise.engine"
        for alias in node.names
    }
    assert public == used


def test_random_numbers_come_from_one_module():
    words = ("default_rng", "SeedSequence", "Philox", "RandomState")
    report(
        f"{name} creates its own random numbers: use base.streams"
        for name, tree in TREES.items()
        if name != "base.streams" and {getattr(node, "attr", None) for node in ast.walk(tree)} & set(words)
    )


def test_every_purpose_of_random_numbers_belongs_to_one_module():
    """Otherwise two verbs could use the same random numbers."""
    constructors = (
        "stream",
        "stream_of",
        "stream_key",
        "stream_seed",
        "own_keys",
        "CommonStreams",
        "FreshStreams",
    )
    modules = {purpose: set() for purpose in PURPOSES}
    for name, tree in TREES.items():
        for node in ast.walk(tree) if name != "base.streams" else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in constructors:
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and argument.value in modules:
                        modules[argument.value].add(name)
    report(
        f"{purpose!r} is used in {sorted(names) or 'no module'}"
        for purpose, names in modules.items()
        if len(names) != 1
    )


def test_only_inference_samples():
    report(f"{name} samples" for name in INTERNAL if folder(name) != "inference" and foreign(name) & SAMPLERS)


def test_only_plots_draw():
    report(f"{name} draws" for name in INTERNAL if foreign(name) & DRAWING and folder(name) not in ("plots", "reports"))


def test_only_the_command_line_prints():
    def prints(name):
        calls = [ast.unparse(node.func) for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        return "print" in calls or bool(foreign(name) & PRINTERS)

    assert {name for name in INTERNAL if folder(name) != "cli" and prints(name)} == set(PRINTING)


def test_modules_of_the_command_line_are_small():
    report(name for name in INTERNAL if folder(name) == "cli" and len(ast.unparse(TREES[name]).splitlines()) >= 250)


def test_only_response_families_name_response_families():
    """Other modules ask for properties of a response family (``family.acts``), never for its name."""
    from trialwise.learners.responses import FAMILIES

    def is_family_name(node):
        return isinstance(node, ast.Constant) and node.value in FAMILIES

    def asks_for_name(node):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            members = [each for side in sides for each in (side, *getattr(side, "elts", ()))]
            about_families = any(word in ast.unparse(side) for side in sides for word in ("respon", "famil"))
            return about_families and any(is_family_name(each) for each in members)
        if isinstance(node, ast.Dict):
            return sum(is_family_name(key) for key in node.keys) > 1
        return isinstance(node, ast.MatchValue) and is_family_name(node.value)

    report(
        f"{name}, line {node.lineno}, asks for the name of a response family"
        for name in INTERNAL
        if not name.startswith("learners.responses")
        for node in ast.walk(TREES[name])
        if asks_for_name(node)
    )


# -- ratchets: the lists may shrink, but nothing is added ------------------------------------------------------------------

LONGEST, MOST_ARGUMENTS = 80, 10

KERNELS = (
    "engine.",
    "population.density",
    "population.geometry",
    "population.pymc",
    "likelihoods.pymc_op",
)
"""Modules of compiled functions, whose arguments are arrays and whose closures contain whole loops."""

VERBS = {
    "analysis.comparison.compare.compare", "data.read.read_long", "data.read.read_wide", "inference.fit.fit", "reports.report.report",
    "studies.calibrate.calibrate", "studies.confuse.confuse", "studies.recover.recover", "cli.simulate.simulate", "cli.studies.recover",
    "learners.assumptions.assumes",
}  # fmt: skip
"""Public verbs and declarations, whose settings are keywords."""

WIDE = {"data.reading.roles.find_roles"}


def functions():
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not name.startswith(KERNELS):
                yield f"{name}.{node.name}", node


def test_no_function_is_long():
    def lines(node):
        text = ast.get_docstring(node, clean=False)
        return node.end_lineno - node.lineno + 1 - (text.count("\n") + 1 if text else 0)

    assert {name for name, node in functions() if lines(node) > LONGEST} == set()


def test_no_function_takes_many_arguments():
    def arguments(node):
        return len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)

    assert {name for name, node in functions() if arguments(node) > MOST_ARGUMENTS} - VERBS == WIDE


def test_no_more_is_left_untyped():
    """Annotations that say ``Any``: 332 arguments, results and variables; the number may only fall."""
    annotations = (
        each
        for tree in TREES.values()
        for node in ast.walk(tree)
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if each is not None
    )
    assert sum("Any" in re.findall(r"\w+", ast.unparse(each)) for each in annotations) <= 332


def test_no_private_name_is_imported():
    private_imports = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("trialwise"):
                private = {
                    alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"
                }
                if private:
                    private_imports.setdefault(name, set()).update(private)
    assert not private_imports

"""The house: arrows run down, nothing runs in a circle, and nothing reaches for what is not its business."""

import ast
import re
from pathlib import Path

import trialwise
from trialwise.base.streams import PURPOSES

SOURCE = Path(trialwise.__file__).parent

HOUSE = [
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
"""The folders from the ground up. A module imports from its own folder and from those below, type-only imports included."""

UPWARDS = {("base.result", "plots")}
"""The arrows that run up: a result's picture, imported late."""

PRINTING = {
    "base.progress": "bars of a fit that takes minutes, in notebooks and scripts too; silent if asked to be",
    "analysis.conformance.check_learner": "check_learner prints its table where it is called, as a doctest or a notebook wants it",
}
"""Modules outside the command line that print, each with its reason."""

ASK_FOR_HIDDEN_CHOICES = ("learners.", "engine.", "likelihoods.", "analysis.conformance.")
"""Where a learner is asked whether it makes a choice that nobody observed: elsewhere a likelihood or a fit says what matters."""

SAMPLERS = {"nutpie", "blackjax", "numpyro"}
PRINTERS = {"rich", "typer", "click"}
DRAWING = {"matplotlib", "arviz_plots"}


def name_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {name_of(path): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def imports(node):
    """All modules that a tree imports, wherever the import stands."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            inner = [f"{child.module}.{alias.name}" for alias in child.names]
            modules = [name for name in inner if name.removeprefix("trialwise.") in TREES]
            yield from modules
            if len(modules) < len(inner):
                yield str(child.module)
        elif (
            isinstance(child, ast.Call)
            and ast.unparse(child.func) in ("import_module", "importlib.import_module")
            and isinstance(child.args[0], ast.Constant)
        ):
            yield child.args[0].value
        yield from imports(child)


IMPORTS = {name: set(imports(tree)) for name, tree in TREES.items() if name != "__init__"}
OWN = {
    name: {other.removeprefix("trialwise.") for other in estimate if other.startswith("trialwise.")} - {name}
    for name, estimate in IMPORTS.items()
}


def folder(name):
    return name.split(".")[0]


def foreign(name):
    return {other.split(".")[0] for other in IMPORTS[name]}


def report(breaches):
    estimate = sorted(breaches)
    assert not estimate, "\n" + "\n".join(estimate)


def circles(arrows):
    """Every circle that a walk along the arrows meets, as text."""
    estimate, done = [], set()

    def follow(name, path):
        if name in path:
            estimate.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for other in sorted(arrows.get(name, ())):
                follow(other, [*path, name])
            done.add(name)

    for name in arrows:
        follow(name, [])
    return estimate


def test_every_folder_has_its_place():
    estimate = {
        path.name for path in SOURCE.iterdir() if path.name != "__pycache__" and path.suffix not in (".pyi", ".typed")
    }
    assert estimate == {*HOUSE, "__init__.py"}


def test_arrows_run_down():
    height = {name: k for k, name in enumerate(HOUSE)}
    report(
        f"{name} imports {other}, which stands above it"
        for name in OWN
        for other in OWN[name]
        if (name, other) not in UPWARDS and height.get(folder(other), 99) > height[folder(name)]
    )


def test_arrows_upwards_are_still_needed():
    report(f"{name} no longer imports {other}" for name, other in UPWARDS if other not in OWN[name])


def test_no_circles():
    arrows = {name: {other for other in OWN[name] if (name, other) not in UPWARDS} for name in OWN}
    report(circles(arrows))


def test_no_circles_between_the_rooms_of_a_folder():
    """A subfolder stands for all its modules."""
    breaches = []
    for place in {name.rpartition(".")[0] for name in OWN if "." in name}:
        depth = place.count(".") + 2

        def room(name, place=place, depth=depth):
            return ".".join(name.split(".")[:depth]) if name.startswith(place + ".") else None

        arrows = {}
        for name in OWN:
            if room(name):
                arrows.setdefault(room(name), set()).update(room(other) for other in OWN[name] if room(other))
        breaches += circles({name: others - {name} for name, others in arrows.items()})
    report(breaches)


def test_learners_know_nothing_of_the_engine():
    report(
        f"{name} imports {other}"
        for name in OWN
        if name.startswith("learners.zoo.")
        for other in OWN[name]
        if not other.startswith(("learners.zoo", "learners.decorator", "learners.parameters", "learners.state"))
    )


def test_the_engine_names_no_learner():
    from trialwise.learners import BUILT_IN

    for name in OWN:
        if folder(name) == "engine":
            words = {node.id for node in ast.walk(TREES[name]) if isinstance(node, ast.Name)}
            assert not words & set(BUILT_IN), name
            assert not any(other.startswith("learners.zoo") for other in OWN[name]), name


def strings(tree):
    """All strings of a module but docstrings, the parts of f-strings included."""
    loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in loose:
            yield node.value


def test_only_the_population_and_its_draws_spell_variables():
    """``alpha_mu``, ``alpha_sd``, ``alpha_group``, ``alpha_unconstrained`` and ``individual``."""
    allowed = {name for name in TREES if folder(name) == "population"} | {"inference.draws"}
    report(
        f"{name} spells a variable: {text!r}"
        for name, tree in TREES.items()
        if name not in allowed
        for text in strings(tree)
        if re.search(r"_(mu|sd|group|unconstrained)\b", text) or text == "individual"
    )


def test_few_ask_whether_a_choice_is_hidden():
    def names(tree):
        return {getattr(node, "attr", None) or getattr(node, "name", None) for node in ast.walk(tree)}

    report(
        f"{name} asks whether a learner hides a choice"
        for name, tree in TREES.items()
        if "hides" in names(tree) and not name.startswith(ASK_FOR_HIDDEN_CHOICES)
    )


def test_the_engine_is_used_by_its_face():
    """What other folders may use of it is named in ``engine/__init__.pyi``, and all of that is used."""
    inner = {
        name: {other for other in OWN[name] if other.startswith("engine.")} for name in OWN if folder(name) != "engine"
    }
    report(f"{name} reaches into {other}: import it from trialwise.engine" for name in inner for other in inner[name])
    stub = ast.parse((SOURCE / "engine" / "__init__.pyi").read_text())
    named = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {
        alias.name
        for name, tree in TREES.items()
        if folder(name) != "engine"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "trialwise.engine"
        for alias in node.names
    }
    assert named == used


def test_random_numbers_come_from_one_place():
    words = ("default_rng", "SeedSequence", "Philox", "RandomState")
    report(
        f"{name} makes random numbers of its own: use base.streams"
        for name, tree in TREES.items()
        if name != "base.streams" and {getattr(node, "attr", None) for node in ast.walk(tree)} & set(words)
    )


def test_every_purpose_of_random_numbers_is_served_in_one_module():
    """Else two verbs could repeat each other's random numbers."""
    makers = (
        "stream",
        "stream_of",
        "stream_key",
        "stream_seed",
        "own_keys",
        "CommonStreams",
        "FreshStreams",
        "CountedStreams",
    )
    places = {purpose: set() for purpose in PURPOSES}
    for name, tree in TREES.items():
        for node in ast.walk(tree) if name != "base.streams" else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in makers:
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and argument.value in places:
                        places[argument.value].add(name)
    report(
        f"{purpose!r} is served in {sorted(estimate) or 'no module'}"
        for purpose, estimate in places.items()
        if len(estimate) != 1
    )


def test_only_inference_samples():
    report(f"{name} samples" for name in OWN if folder(name) != "inference" and foreign(name) & SAMPLERS)


def test_only_plots_draw():
    report(f"{name} draws" for name in OWN if foreign(name) & DRAWING and folder(name) not in ("plots", "reports"))


def test_only_the_command_line_prints():
    def prints(name):
        calls = [ast.unparse(node.func) for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        return "print" in calls or bool(foreign(name) & PRINTERS)

    estimate = {name for name in OWN if folder(name) != "cli" and prints(name)}
    assert estimate == set(PRINTING)


def test_a_module_of_the_command_line_is_small():
    report(name for name in OWN if folder(name) == "cli" and len(ast.unparse(TREES[name]).splitlines()) >= 250)


def test_only_families_know_which_family_it_is():
    """A response is asked for what it does (``family.acts``), never for its name, by which others would have to know them all."""
    from trialwise.learners.responses import FAMILIES

    def names_one(node):
        return isinstance(node, ast.Constant) and node.value in FAMILIES

    def asks(node):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            members = [each for side in sides for each in (side, *getattr(side, "elts", ()))]
            spoken = any(word in ast.unparse(side) for side in sides for word in ("respon", "famil"))
            return spoken and any(names_one(each) for each in members)
        if isinstance(node, ast.Dict):
            return sum(names_one(key) for key in node.keys) > 1
        return isinstance(node, ast.MatchValue) and names_one(node.value)

    report(
        f"{name}, line {node.lineno}, asks for the name of a response family"
        for name in OWN
        if not name.startswith("learners.responses")
        for node in ast.walk(TREES[name])
        if asks(node)
    )


# -- ratchets: what is listed may shrink, and nothing is added -------------------------------------------------------------

LONGEST, MOST_ARGUMENTS = 80, 10

KERNELS = (
    "engine.",
    "population.density",
    "population.geometry",
    "population.pymc",
    "likelihoods.emulator",
    "likelihoods.pymc_op",
)
"""Where functions are compiled: their arguments are arrays, and a closure is as long as its loop."""

VERBS = {
    "analysis.comparison.compare.compare", "data.read.read_long", "data.read.read_wide", "inference.fit.fit", "reports.report.report",
    "studies.calibrate.calibrate", "studies.confuse.confuse", "studies.recover.recover", "cli.simulate.simulate", "cli.studies.recover",
}  # fmt: skip
"""Public verbs, whose settings are keywords, one meaning each."""

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


def test_no_private_name_is_imported():
    estimate = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("trialwise"):
                private = {
                    alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"
                }
                if private:
                    estimate.setdefault(name, set()).update(private)
    assert not estimate

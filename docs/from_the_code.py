"""Pages of the site generated from the code: one per learner, the help of the command line, the results of the scripts.

``docs/learners``, ``docs/command_line.rst``, ``docs/measured.rst`` and ``docs/tutorial.py`` are generated and not kept under
version control. The build also fails if a public name is not described on any page.
"""

from __future__ import annotations

import inspect
import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
WIDE = 110
"""Characters of a line beside the menu on a wide screen."""


def setup(app):
    app.connect("builder-inited", generate)
    app.connect("env-check-consistency", check_descriptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def generate(app):
    """Write the generated pages that have changed."""
    from trialwise.learners import BUILT_IN

    learners = {name: cls() for name, cls in BUILT_IN.items()}
    pages = {f"learners/{name}.rst": learner_page(learner) for name, learner in learners.items()}
    pages["learners/index.rst"] = learners_page(learners)
    pages["command_line.rst"] = command_line_page()
    pages["tutorial.py"] = as_script((HERE / "tutorial.md").read_text(encoding="utf-8"))
    pages["measured.rst"] = measured_page(sorted(HERE.glob("*.txt")))
    (HERE / "learners").mkdir(exist_ok=True)
    for path, text in pages.items():
        file = HERE / path
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    for stale in (HERE / "learners").glob("*.rst"):
        if f"learners/{stale.name}" not in pages:
            stale.unlink()


def check_descriptions(app, env):
    """Check that the site describes every public name."""
    from sphinx.util import logging

    import trialwise

    described = {name for name, _, _, _, _, _ in env.domains["py"].get_objects()}
    for name in sorted({f"trialwise.{each}" for each in trialwise.__all__} - described):  # type: ignore[attr-defined]
        logging.getLogger(__name__).warning("%s is public, and no page describes it", name)


# -- pieces of reStructuredText --------------------------------------------------------------------------------------


def title(text: str, sign: str = "=") -> str:
    return f"{text}\n{sign * len(text)}\n"


def rows(header: Sequence[str], body: Iterable[Sequence[str]], widths: str = "auto") -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for cells in (header, *body):
        lines += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(cells)]
    return "\n".join(lines) + "\n"


def code(text: str, language: str = "python") -> str:
    return f".. code-block:: {language}\n\n{textwrap.indent(text.strip(), '   ')}\n"


# -- learners --------------------------------------------------------------------------------------------------------


def learners_page(learners) -> str:
    table = rows(
        ["learner", "for", "parameters", "what it does"],
        [
            [
                f":doc:`{name}`",
                response_of(learner),
                ", ".join(f"``{p}``" for p in learner.names),
                first_sentence(learner),
            ]
            for name, learner in learners.items()
        ],
        "18 10 27 45",
    )
    entries = "\n".join(f"   {name}" for name in learners)
    return f"""{title("Learners")}
The built-in learners. Each page is generated from the learner's class: description, equations, parameters with ranges and
default priors, an example, and the complete source of the class. ``trialwise models NAME`` prints the same in a terminal. For
your own learner see :doc:`../own_learner`.

{table}
.. toctree::
   :hidden:

{entries}
"""


def learner_page(learner) -> str:
    name = type(learner).__name__
    settings = ", ".join(f"{s}={value!r}" for s, value in learner.settings.items())
    description = textwrap.indent(inspect.cleandoc(type(learner).__doc__), "   ")
    parameters = rows(
        ["name", "what it is", "range", "group mean", "group spread", "typical values (95 %)"],
        [
            [
                f"``{p.name}``",
                p.role,
                whole(p.range),
                f":math:`{normal(p)}`",
                f":math:`{half_normal(p)}`",
                whole(typical(p)),
            ]
            for p in learner.parameters
        ],
        "15 30 10 17 15 13",
    )
    scaled = any(p.per_outcome for p in learner.parameters)
    settings_table = rows(
        ["name", "what it is", "default"],
        [[f"``{s}``", learner.fields[s].role, f"``{value!r}``"] for s, value in learner.settings.items()],
    )
    signals = ", ".join(f"``{s}``" for s in learner.signals) or "none"
    assumed = "\n".join(f"* {sentence}" for sentence in learner.assumptions.sentences)
    return f"""{title(name)}
.. py:currentmodule:: trialwise

.. py:class:: {name}({f"*, {settings}" if settings else ""})

{description}

{title("Parameters", "-")}
{parameters}
Means and spreads of the group are on the unconstrained scale, the logit of a parameter from 0 to 1 and the logarithm of one
above 0; "typical" is the median of the natural value and the middle 95 % of it at a group's mean.
{"Inverse temperatures marked * are given for outcomes of standard deviation 1; they are divided by the standard deviation of the data." if scaled else ""}
See :doc:`../priors`.

{title("Settings", "-") + settings_table if learner.settings else ""}
{title("Data", "-")}
Reads {", ".join(reads(learner))}. Signals, one a trial, in ``fit.trial_values()``: {signals}.

{f"Assumes, which is checked before anything is computed:{chr(10) * 2}{assumed}" if assumed else ""}

{title("Example", "-")}
{code(example(learner))}
{title("The class", "-")}
{code(learner.source)}
"""


def example(learner) -> str:
    """Runnable code that simulates the learner in a suitable environment and computes its trial values."""
    from trialwise.environments import BUILT_IN
    from trialwise.learners.violations import without_action

    name, environment = type(learner).__name__, environment_of(learner)
    suited = {
        "initial": (0, 1.2),
        "right_above": (0.5, 1.5),
    }  # settings for the rewards of the alien task, if the default is another
    settings = [f"{key}={to}" for key, (default, to) in suited.items() if learner.settings.get(key) == default]
    idle = without_action(learner, len(BUILT_IN[environment.partition("(")[0]].of_length().levels.get("action", ())))
    restricted = f".fix({', '.join(f'{each}=0' for each in idle)})" if idle else ""
    truth = {p.name: rounded(p) for p in learner.parameters if p.name not in idle}
    arguments = textwrap.fill(
        ", ".join(f'"{n}": {v:g}' for n, v in truth.items()), 100, initial_indent="    ", subsequent_indent="    "
    )
    return f"""import trialwise as tw

learner = tw.{"" if name == "QLearning" else "learners."}{name}({", ".join(settings)}){restricted}
truth = {{
{arguments},
}}
simulation = tw.simulate(learner, tw.environments.{environment}, truth, participants=5, seed=1)
tw.trial_values(learner, simulation.trials, truth)  # one row per trial: probabilities and signals
"""


def environment_of(learner) -> str:
    """The environment that was made for the learner, else one that provides all columns that it reads."""
    from trialwise.environments import BUILT_IN

    if not learner.family.acts:
        return "Conditioning()"
    own = [name for name, environment in BUILT_IN.items() if type(learner).__name__ in environment.learners]
    return f"{own[0]}()" if own else "AlienTask(trials=120)"


def rounded(parameter) -> float:
    """The median of the prior, to one significant figure, of the distance from the nearer end of a range; inverse temperatures are adjusted to the
    alien task's rewards, and biases are not 0."""
    bias = parameter.support == "real" and parameter.mean == 0
    middle = float(parameter.constrain(parameter.width / 2 if bias else parameter.mean))
    middle /= 2.5 if parameter.per_outcome else 1.0
    from_one = parameter.support == "unit" and middle > 0.5
    return 1 - float(f"{1 - middle:.1g}") if from_one else float(f"{middle:.1g}")


def response_of(learner) -> str:
    return learner.family.plural


def first_sentence(learner) -> str:
    paragraph = " ".join(inspect.cleandoc(type(learner).__doc__).split("\n\n")[0].split())
    return re.split(r"(?<=[:;]) |(?<=\.) (?=[A-Z])", paragraph)[0].rstrip(":;")


def normal(parameter) -> str:
    return rf"\mathrm{{Normal}}({{{parameter.mean:g}}},\ {parameter.width:g})"  # in braces, a minus is a sign


def half_normal(parameter) -> str:
    return rf"\mathrm{{HalfNormal}}({parameter.spread:g})"


def typical(parameter) -> str:
    low, middle, high = parameter.constrain([parameter.mean + z * parameter.width for z in (-1.96, 0, 1.96)])
    return f"{middle:.2g} ({low:.2g} to {high:.2g})" + (" \\*" if parameter.per_outcome else "")


def whole(text: str) -> str:
    """A short text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def reads(learner) -> list[str]:
    """The columns that a learner reads; optional ones are marked."""
    from trialwise.learners.reads import OPTIONAL, Reading, dimensions

    reading = Reading(learner)
    inputs = sorted((dimensions(learner) - {"action"}) | set(reading.trial))
    optional = {*OPTIONAL} - {learner.assumptions.stage_column}
    columns = [f"``{name}``" + (" (may be absent)" if name in optional else "") for name in inputs]
    columns += [f"the {column}" for family in learner.responses.values() for column in family.columns]
    if "learn" in learner.methods:
        columns += [f"``outcome.{name}``" for name in reading.outcome] or ["the outcome"]
    return columns


# -- the tutorial -----------------------------------------------------------------------------------------------------


def as_script(page: str) -> str:
    """The cells of a page as a script with the prose as comments, a format that editors and Jupyter support."""
    body = page.split("---\n", 2)[2]
    parts = []
    for n, part in enumerate(re.split(r"```\{code-cell\} python\n(.*?)```\n", body, flags=re.DOTALL)):
        if n % 2:
            parts.append("# %%\n" + re.sub(r"\A(:.*\n)+", "", part).strip())
        elif part.strip():
            lines = [f"# {line}".rstrip() for line in part.strip().splitlines()]
            parts.append("\n".join(["# %% [markdown]", *lines]))
    return "\n\n".join(parts) + "\n"


# -- the command line ------------------------------------------------------------------------------------------------


def command_line_page() -> str:
    """The page of the command line, with the help text of every command."""
    import typer
    from typer.testing import CliRunner

    from trialwise.cli.app import app

    os.environ |= {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    runner, group = CliRunner(), typer.main.get_command(app)
    parts = [title("Command line")]
    parts.append(
        "Every verb of the library is also a command. This page contains the output of ``--help`` for each.\n\n"
        "Tables are rounded for reading. The files that a verb writes have all digits; with ``--raw`` it also prints its tables\n"
        "that way, as CSV below a line with their title, and nothing else on standard output::\n\n"
        "   trialwise compare a=one/fit.nc b=other/fit.nc --raw > tables.txt\n"
    )
    for name in group.commands:  # type: ignore[attr-defined]
        result = runner.invoke(app, [name, "--help"])
        assert result.exit_code == 0, result.output
        parts += [title(f"trialwise {name}", "-"), code(result.output, "text")]
    return "\n".join(parts)


# -- results of the scripts ------------------------------------------------------------------------------------------


def measured_page(files: Sequence[Path]) -> str:
    """The result files that scripts have written to the folder of the pages, unchanged, with their figures."""
    parts = [title("Measured results")]
    parts.append(
        "Results of the scripts of the repository: each section below contains the file that the script of that name"
        " wrote. For timings see :doc:`benchmarks`.\n"
    )
    for file in files:
        parts.append(title(file.stem.replace("_", " ").capitalize(), "-"))
        if (HERE.parent / "scripts" / f"{file.stem}.py").is_file():
            parts.append(f"``python scripts/{file.stem}.py``\n")
        wide = sum(len(line) > WIDE for line in file.read_text(encoding="utf-8").splitlines())
        scrolled = "   :class: scrolled\n" if wide > 10 else ""  # a table, whose columns have to stay aligned
        parts.append(f".. literalinclude:: {file.name}\n   :language: text\n{scrolled}")
        if file.with_suffix(".png").is_file():
            parts.append(f".. image:: {file.stem}.png\n   :alt: {file.stem.replace('_', ' ')}\n   :width: 100%\n")
    return "\n".join(parts)

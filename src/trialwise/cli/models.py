"""``trialwise models``: list of the learners, and a description of each."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.cli.options.environment import general_environment, own_environment
from trialwise.cli.options.subject import find, learners_in
from trialwise.cli.output.console import command, heading, say, table
from trialwise.cli.output.equations import sections, symbol

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner
    from trialwise.learners.parameters import Parameter


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="LEARNER", help="Describe this learner: QLearning, or mine.py:MyLearner.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="mine.py", help="List the learners defined in this file instead.", show_default=False
        ),
    ] = None,
) -> None:
    """List the learners, or describe one in full: parameters, priors, equations, columns it reads, signals it returns."""
    from trialwise.learners.learner import Learner

    if file is not None and ".py:" in str(file):
        name, file = name or str(file), None
    if name is not None:
        learner = find(f"{file}:{name}" if file is not None and ".py" not in name else name)
        _page(learner if isinstance(learner, Learner) else learner(), name)
        return
    if file is not None:
        learners = learners_in(file)
        _list(learners)
        say()
        say("Describe one of them in full:")
        for each in learners:
            command(f"trialwise models {shlex.quote(f'{file}:{each}')}")
        return
    from trialwise.learners import BUILT_IN

    _list(BUILT_IN)
    say()
    say("Describe one of them in full, or your own learner:")
    command("trialwise models QLearning")
    command("trialwise models mine.py:MyLearner")


def _list(learners: dict[str, Any]) -> None:
    from trialwise.learners.learner import Learner

    rows = []
    for name, kind in learners.items():
        learner = kind if isinstance(kind, Learner) else kind()
        rows.append([name, learner.family.plural, ", ".join(learner.names), _parts(learner)[0][0]])
    table(["learner", "for", "parameters", "description"], rows, indent=0)


def _page(learner: Learner, name: str) -> None:
    parts = _parts(learner)
    say(repr(learner), "bold")
    say(parts[0][0])
    for text, is_equation in parts[1:]:
        say()
        if is_equation:
            for line in text.split("\n"):
                say(f"    {line}")
        else:
            say(text)
    rows = [[p.name, symbol(p.name), p.role, p.range, _prior(p)] for p in learner.parameters]
    table(["name", "", "description", "range", "default prior"], rows, title="parameters")
    say("  prior of the group: median, with the central 95 % interval in brackets", "dim")
    restricted = [[name, f"{value:g}"] for name, value in learner.fixed.items()]
    restricted += [[name, f"same as {other}"] for name, other in learner.tied.items()]
    if restricted:
        table(["name", "value"], restricted, title="fixed or tied parameters")
    if learner.settings:
        rows = [[n, learner.fields[n].role, str(v)] for n, v in learner.settings.items()]
        table(["name", "description", "value"], rows, title="settings")
    rows = [["reads", ", ".join(_reads(learner))], ["returns", ", ".join(learner.signals) or "no signals"]]
    table(["", ""], rows, title="data")
    if learner.assumptions:
        heading("assumes of the data, which is checked before a fit")
        for sentence in learner.assumptions.sentences:
            say(f"  {sentence}")
    say()
    quoted = shlex.quote(name)
    if own := own_environment(name):
        say(f"Simulate it in {own}; the command that fits it is printed then:")
        command(f"trialwise simulate {quoted} -o simulated")
    elif _acts_anywhere(learner):
        place = general_environment(learner)
        say(f"Simulate it, for example in {place}, then fit it:")
        fixed = _without_effect(learner, place)
        command(f"trialwise simulate {quoted} --environment {place}{fixed} -o simulated")
        command(f"trialwise fit {quoted} simulated{fixed} -o results")
    else:
        say("Fit it:")
        command(f"trialwise fit {quoted} trials.csv -o results")


def _without_effect(learner: Learner, place: str) -> str:
    """Options that fix the parameters of actions which this environment does not have."""
    from trialwise.environments.tasks import BUILT_IN
    from trialwise.learners.violations import without_action

    idle = without_action(learner, len(BUILT_IN[place].of_length().levels.get("action", ())))
    return "".join(f" --fix {name}=0" for name in idle)


def _acts_anywhere(learner: Learner) -> bool:
    """Whether a learner can act in any environment: it needs no columns, and its outcome has a single part."""
    from trialwise.learners.reads import OPTIONAL, Reading

    reading = Reading(learner)
    return set(reading.trial) <= set(OPTIONAL) and not reading.outcome


def _parts(learner: Learner) -> list[tuple[str, bool]]:
    return sections(type(learner).__doc__) or [("No description: write a docstring under the class.", False)]


def _prior(parameter: Parameter) -> str:
    """A default prior as median and central 95 % interval, ``0.27 (0.02 to 0.87)``, with spaces at which it is not broken."""
    text = parameter.spread_out(parameter.mean, parameter.width).replace(" ", "\N{NO-BREAK SPACE}")
    return text + (" / SD(outcome)" if parameter.per_outcome else "")


def _reads(learner: Learner) -> list[str]:
    """The columns that a learner reads, with a remark on optional ones."""
    from trialwise.learners.reads import OPTIONAL, Reading, dimensions

    reading = Reading(learner)
    shown = sorted((dimensions(learner) - {"action"}) | set(reading.trial))
    optional = {*OPTIONAL} - {learner.assumptions.stage_column}
    columns = [f"{name} (optional)" if name in optional else name for name in shown]
    columns += [column for family in learner.responses.values() for column in family.columns]
    if learner.learns:
        columns += [f"outcome.{name}" for name in reading.outcome] or ["outcome"]
    return columns

"""``trialwise models``: the learners there are, and all about one of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.cli.options.subject import find, learners_in
from trialwise.cli.options.task import OWN
from trialwise.cli.output.console import command, heading, say, show, table
from trialwise.cli.output.equations import sections, symbol

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner
    from trialwise.learners.parameters import Parameter


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[LEARNER]", help="QLearning, or mine.py:MyLearner: all about that one.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="mine.py", help="The learners of that file instead.", show_default=False),
    ] = None,
) -> None:
    """List the learners, or tell all about one: parameters, priors, equations, what it reads and returns."""
    from trialwise.learners.learner import Learner

    if file is not None and ".py:" in str(file):
        name, file = name or str(file), None
    if name is not None:
        found = find(f"{file}:{name}" if file is not None and ".py" not in name else name)
        _page(found if isinstance(found, Learner) else found(), name)
        return
    if file is not None:
        found = learners_in(file)
        _list(found)
        say()
        say("All about one of them:")
        for each in found:
            command(f"trialwise models {shlex.quote(f'{file}:{each}')}")
        return
    from trialwise.learners import BUILT_IN

    _list(BUILT_IN)
    say()
    say("All about one of them, or about one of your own:")
    command("trialwise models QLearning")
    command("trialwise models mine.py:MyLearner")


def _list(learners: dict[str, Any]) -> None:
    from trialwise.learners.learner import Learner

    rows = []
    for name, found in learners.items():
        one = found if isinstance(found, Learner) else found()
        rows.append([name, _answers(one), ", ".join(one.names), _parts(one)[0][0]])
    table(["learner", "for", "parameters", "what it does"], rows, indent=0)


def _page(learner: Learner, name: str) -> None:
    parts = _parts(learner)
    say(repr(learner), "bold")
    say(parts[0][0])
    for text, is_equation in parts[1:]:
        say()
        if is_equation:
            from rich.padding import Padding
            from rich.text import Text

            show(Padding(Text(text), (0, 0, 0, 4), expand=False))
        else:
            say(text)
    heading("parameters")
    rows = [[p.name, symbol(p.name), p.role, p.range, _prior(p)] for p in learner.parameters]
    table(["name", "", "what", "range", "default prior of the group"], rows)
    say("  prior: median, and in brackets the range of the middle 95 %", "dim")
    restricted = [[name, f"{value:g}"] for name, value in learner.fixed.items()]
    restricted += [[name, f"that of {other}"] for name, other in learner.tied.items()]
    if restricted:
        heading("held")
        table(["name", "value"], restricted)
    if learner.settings:
        heading("settings")
        table(["name", "what", "value"], [[n, learner.fields[n].role, str(v)] for n, v in learner.settings.items()])
    heading("data")
    table(["reads", "returns"], [[", ".join(_reads(learner)), ", ".join(learner.signals) or "no signals"]])
    say()
    word = shlex.quote(name)
    if name in OWN:
        say(f"Simulate it in {OWN[name]}; what to type to fit it is told then:")
        command(f"trialwise simulate {word} -o simulated")
    elif _fits_an_environment(learner):
        say("Simulate it, then fit it:")
        command(f"trialwise simulate {word} -o simulated")
        command(f"trialwise fit {word} simulated -o results")
    else:
        say("Fit it:")
        command(f"trialwise fit {word} trials.csv -o results")


def _fits_an_environment(learner: Learner) -> bool:
    """Whether it reads no more than what the environments of ``trialwise simulate`` show."""
    from trialwise.learners.reads import OPTIONAL, Reading

    reading = Reading(learner)
    return set(reading.trial) <= set(OPTIONAL) and not reading.outcome


def _parts(learner: Learner) -> list[tuple[str, bool]]:
    return sections(type(learner).__doc__) or [("No description: write a docstring under the class.", False)]


def _answers(learner: Learner) -> str:
    return learner.family.plural


def _prior(parameter: Parameter) -> str:
    """A default prior in words: ``0.27 (0.02 to 0.87)``."""
    words = parameter.spread_out(parameter.mean, parameter.width)
    return words + (" / SD(outcome)" if parameter.per_outcome else "")


def _reads(learner: Learner) -> list[str]:
    """The columns a learner needs, those that may be absent marked so."""
    from trialwise.learners.reads import OPTIONAL, Reading, dimensions

    reading = Reading(learner)
    before = sorted((dimensions(learner) - {"action"}) | set(reading.trial))
    told = [f"{name} (may be absent)" if name in OPTIONAL else name for name in before]
    told += [column for family in learner.responses.values() for column in family.columns]
    if "learn" in learner.methods:
        told += [f"outcome.{name}" for name in reading.outcome] or ["outcome"]
    return told

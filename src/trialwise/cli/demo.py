"""``trialwise demo``: the bundled examples, from data with known parameters back to the parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trialwise.cli import results
from trialwise.cli.console import command, frame, heading, say
from trialwise.cli.fit import Output
from trialwise.cli.groups import grouped
from trialwise.cli.sampling import Sampling
from trialwise.cli.subject import Restrictions
from trialwise.files import write

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.fitted import Fit
    from trialwise.learner import Learner
    from trialwise.trials import Trials

SEED = 3
"""The demo is the same every time; with this seed it needed no second run where it was tried. Others may: the first example is a
hard one, see the README's limits."""

AGENTS, TRIALS = 5, 110
"""The part of the second example that is small enough for a demo."""


@grouped
def demo(sampling: Sampling, output: Output = Path("results")) -> None:
    """Fit the bundled examples, whose true parameters are known, and compare.

    30 agents of QLearning did 440 trials of the alien task each: three seasons, four aliens, three items to give them. Then a few
    agents of TaskSets, whose choice of a task set nobody saw.
    """
    from trialwise.data_sets import data_set

    folder, hidden = results.made(output), results.made(output / "task_sets")
    seeded = replace(sampling, seed=SEED if sampling.seed is None else sampling.seed)
    trials, truth = data_set("alien_flat")
    flat = _one(seeded, Restrictions(set_=["initial=1.2"]).of("QLearning"), trials, truth, folder)
    trials, truth = data_set("alien_task_sets")
    part = trials.select(trials.participants[:AGENTS]).first(TRIALS)
    sets = _one(seeded, Restrictions(set_=["initial=1.2"]).of("TaskSets"), part, truth, hidden)
    if not sampling.quiet:
        say("Next, what people did in the same task; or data of your own, in place of alien:")
        command("trialwise data alien")
        command("trialwise inspect alien")
        command("trialwise fit QLearning alien --set initial=1.2 -o results_alien")
    results.stop_if_failed(flat, sets)


def _one(sampling: Sampling, learner: Learner, trials: Trials, truth: pd.DataFrame, folder: Path) -> Fit:
    """Fit, write and tell one example."""
    if not sampling.quiet:
        say(f"{learner!r}, fitted to {trials.n_participants} simulated participants of {trials.lengths[0]} trials each")
    fitted = sampling.fit(learner, trials)
    written = results.save(fitted, folder)

    from trialwise.plots.recovery import recovery_plot
    from trialwise.recovered import points, summarised

    found = points(fitted, truth)
    table = summarised(found)
    drawn = recovery_plot(found, table)
    picture = write(folder / "recovery_plot.png", results.png(drawn))
    written.append((picture, "true against estimated parameters"))
    if not sampling.quiet:
        results.print_group(fitted)
        heading("true against estimated, participant by participant")
        frame(table)
        say("  coverage: the share of participants whose true value lies in their 89 % interval")
        results.print_files(written)
        say()
        results.print_notes(fitted)
    return fitted

"""``trialwise demo``: the bundled example, from data with known parameters back to the parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trialwise.cli import results
from trialwise.cli.console import command, frame, heading, say
from trialwise.cli.fit import Output
from trialwise.cli.groups import grouped
from trialwise.cli.sampling import Sampling
from trialwise.cli.subject import Restrictions
from trialwise.files import write

SEED = 3
"""The demo is the same every time; with this seed it needed no second run where it was tried. Others may: the example is a
hard one, see the README's limits."""


@grouped
def demo(sampling: Sampling, output: Output = Path("results")) -> None:
    """Fit the bundled example, whose true parameters are known, and compare.

    30 agents of QLearning did 440 trials of the alien task each: three seasons, four aliens, three items to give them.
    """
    from trialwise.data_sets import data_set

    folder = results.made(output)
    trials, truth = data_set("alien_flat")
    learner = Restrictions(set_=["initial=1.2"]).of("QLearning")
    if not sampling.quiet:
        say(f"{learner!r}, fitted to {trials.n_participants} simulated participants of {trials.lengths[0]} trials each")
    fitted = replace(sampling, seed=SEED if sampling.seed is None else sampling.seed).fit(learner, trials)
    written = results.save(fitted, folder)

    from trialwise.plots.recovery import recovery_plot
    from trialwise.recovered import in_order, recovered

    table = recovered(fitted, truth)
    drawn = recovery_plot(fitted.tree, in_order(fitted, truth), table)
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
        say("Next, what people did in the same task; or data of your own, in place of alien:")
        command("trialwise data alien")
        command("trialwise inspect alien")
        command("trialwise fit QLearning alien --set initial=1.2 -o results_alien")
    results.stop_if_failed(fitted)

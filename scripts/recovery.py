"""Recovery of the parameters of flat learners, as in the demo: ``python scripts/recovery.py``.

Fits ``QLearning`` hierarchically to the bundled ``alien_flat``, 30 agents of 440 trials, with the demo's seed, and compares posterior
means and 89 % intervals with the truth. Writes ``docs/recovery.txt`` and the picture of the landing page, ``docs/recovery.png``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw
    from trialwise.analysis.against_truth import points, summarised
    from trialwise.base.cores import cores
    from trialwise.cli.demo import SEED
    from trialwise.plots.recovery import recovery_plot

    trials, truth = tw.load_data("alien_flat")
    cpu = time.process_time()
    fit = tw.fit(tw.QLearning(initial=1.2), trials, seed=SEED)
    cpu = time.process_time() - cpu
    estimates = points(fit, truth)
    table, group = summarised(estimates), fit.group()
    ratio = [f"{name} {(truth[name].std() / truth[name].mean()):.2f}" for name in fit.parameters]
    lines = [
        "Recovery: QLearning(initial=1.2) fitted to 30 simulated agents x 440 trials (bundled data set alien_flat), as in the demo",
        f"{cpu:.0f} s of computing time ({fit.attrs['seconds']:.0f} s by the clock on {cores()} cores), "
        f"peak memory of the process {fit.attrs['peak_memory_mb']:.0f} MB",
        f"{fit.draws.chains} x {fit.draws.length} draws; R-hat at most {group['r_hat'].max():.3f}, effective draws of the group at least "
        f"{group[['ess_bulk', 'ess_tail']].min().min()}; problems: {'; '.join(fit.problems) or 'none'}",
        f"standard deviation of the true values by their mean: {', '.join(ratio)}",
        "",
        table.rename(columns={"coverage": "coverage of 89 %"}).round(3).to_string(),
    ]
    options.out.mkdir(exist_ok=True)
    (options.out / "recovery.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    recovery_plot(estimates, table).savefig(options.out / "recovery.png", dpi=110)


if __name__ == "__main__":
    main()

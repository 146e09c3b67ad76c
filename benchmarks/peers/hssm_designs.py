"""Two groups of participants in HSSM: ``python -m benchmarks.peers.hssm_designs``, in an environment with ``hssm`` beside trialwise.

The study of a user of HSSM: its choice-only learner for two-armed bandits (``2AB_RW_InvTempSoftmax``), ``rl_alpha ~ 1 + group + (1 | participant_id)``
and the same for ``beta``, links ``log_logit``, priors and sampler by default; balanced data. Then the same data in trialwise. HSSM codes
the second group against the first; the difference of groups is compared.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.bandit import Bandit, two_groups
from benchmarks.designs import SEED, effective, with_trialwise

SETTINGS = {"draws": 1000, "tune": 1000, "chains": 2}


def with_hssm(bandit: Bandit) -> tuple[dict[str, np.ndarray], float, int]:
    """Draws ``(chains, draws)`` by name, seconds of the whole call, divergences."""
    import hssm

    table = bandit.trials.to_frame().merge(bandit.people, on="participant")
    table = table.rename(columns={"participant": "participant_id", "choice": "response", "outcome": "feedback"})
    # bambi asks for formulae 0.6, which does not know the columns of text of pandas 3, nor integers that may be missing
    table = table.astype({"group": "category", "participant_id": "category", "response": int, "feedback": float})
    start = time.perf_counter()
    include = [{"name": name, "formula": f"{name} ~ 1 + group + (1 | participant_id)"} for name in ("rl_alpha", "beta")]
    model = hssm.rl.RLSSM(
        data=table, model="2AB_RW_InvTempSoftmax", include=include, link_settings="log_logit", p_outlier=None
    )
    tree = model.sample(**SETTINGS, cores=2, random_seed=SEED, progressbar=False)
    seconds = time.perf_counter() - start
    print("sampler:", tree.posterior.attrs.get("inference_library", tree.posterior.attrs))
    found = {
        name: value.to_numpy().squeeze()
        for name, value in tree.posterior.data_vars.items()
        if "participant_id" not in name
    }
    found |= {name: value.to_numpy() for name, value in tree.posterior.data_vars.items() if name.endswith("_sigma")}
    return found, seconds, int(tree.sample_stats["diverging"].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import arviz_stats

    bandit = two_groups(options.participants, options.trials, SEED)
    start = time.perf_counter()
    ours = with_trialwise(bandit, **SETTINGS, seed=SEED)
    whole = time.perf_counter() - start
    theirs = with_hssm(bandit)
    for name, (draws, seconds, diverged) in {"trialwise": (ours[0], whole, ours[2]), "HSSM": theirs}.items():
        print(
            f"\n{name}: {seconds / 60:.2f} minutes from call to draws, {diverged} divergences of {SETTINGS['draws'] * SETTINGS['chains']} draws"
        )
        print(f"{'':32s}{'mean':>9s}{'SD':>9s}{'ESS':>9s}{'R-hat':>9s}")
        for each, values in draws.items():
            print(
                f"{each:32s}{values.mean():9.3f}{values.std():9.3f}{effective(values):9.0f}{float(arviz_stats.rhat(values)):9.3f}"
            )
    print("\ndifference of groups in alpha, logits (true: 0.8)")
    for name, values in (
        ("trialwise", ours[0]["alpha_effects[group.1]"] * np.sqrt(2)),
        ("HSSM", theirs[0]["rl_alpha_group"]),
    ):
        print(f"{name:12s}{values.mean():7.3f} ({values.std():.3f})")


if __name__ == "__main__":
    main()

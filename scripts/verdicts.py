"""How often verdicts are right: ``python scripts/verdicts.py [--studies 50] [--work FOLDER]``.

Repeats whole studies whose answer is known: recovery of parameters that are well identified, hardly identified and without effect;
comparisons of learners that are equally good, and of a right with a wrong one; checks of the right learner and of a wrong one. Counts
the verdicts and writes ``docs/verdicts.txt``. Finished studies are stored in ``--work``: a second run continues.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import trialwise as tw

FIT: dict[str, Any] = {"draws": 500, "tune": 300, "chains": 2}
AGENTS, TRIALS = 100, 200
FEW_AGENTS = 20


@tw.learner
class Agent:
    """Two well-identified parameters, one that can hardly be estimated, and one whose effect is a thousandth of a logit."""

    bias: float = tw.real("preference for option 1")
    beta: float = tw.positive("inverse temperature")
    faint: float = tw.real("preference for option 1 on every thirtieth trial")
    idle: float = tw.real("an effect of a thousandth of a logit")

    def start(self, task):
        return tw.state(value=task.table("action", fill=0.5), count=tw.memory(0))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[action] + 0.001 * self.idle * action
        preference[1] += self.bias
        if now.count % 30 == 0:
            preference[1] += self.faint

    def elapse(self, now, trial):
        now.count += 1

    def learn(self, now, trial, choice, outcome):
        now.value[choice] += 0.3 * (outcome - now.value[choice])


@tw.learner
class Leaning:
    """Q-learning with a fixed preference for one of two options; two of opposite preferences are equally wrong of an agent without any."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    lean: float = tw.constant(0.0, "preference for option 1")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, value, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * value[action]
        preference[1] += self.lean

    def learn(self, value, trial, choice, outcome):
        value[choice] += self.alpha * (outcome - value[choice])


@tw.learner
class Coin:
    """Chooses with a constant probability, whatever happened."""

    bias: float = tw.real("preference for option 1")

    def choose(self, now, trial, preference):
        preference[0] = 0.0
        preference[1] = self.bias


TRUTH: dict[str, Any] = {"alpha": (0.2, 0.6), "beta": (2, 6)}


def recovery(seed: int) -> dict[str, str]:
    """The verdict on each parameter of one study of recovery."""
    truth = {"bias": (-1, 1), "beta": (1, 7), "faint": (-2, 2), "idle": (-1, 1)}
    environment = tw.environments.ProbabilisticReversal(trials=TRIALS)
    study = tw.recover(Agent(), environment, truth, 1, AGENTS, seed=seed, workers=1, progress=False, **FIT)
    return {f"recover, {name}": str(word) for name, word in study.table["verdict"].items()}


def comparison(seed: int) -> dict[str, str]:
    """Verdicts of a comparison of equally good learners, and of one of a right and a wrong learner."""
    right = Leaning()
    trials = trials_of(seed)
    pair = {
        name: tw.fit(Leaning(lean=lean), trials, seed=seed, progress=False, **FIT)
        for name, lean in (("left", -0.4), ("right", 0.4))
    }
    apart = {
        "right": tw.fit(right, trials, seed=seed, progress=False, **FIT),
        "wrong": tw.fit(Coin(), trials, seed=seed, progress=False, **FIT),
    }
    return {
        "compare, equally wrong": code(tw.compare(pair, progress=False)),
        "compare, right and wrong": code(tw.compare(apart, progress=False)),
        "check, right, rollout": code(checked(apart["right"], seed)),
        "check, right, one step": code(tw.check(apart["right"], seed=seed, progress=False)),
        "check, wrong, rollout": code(checked(apart["wrong"], seed)),
        "check, wrong, one step": code(tw.check(apart["wrong"], seed=seed, progress=False)),
    }


def trials_of(seed: int) -> Any:
    """Trials of agents without a preference, with parameters drawn from ranges."""
    import numpy as np

    random = np.random.default_rng([2026, seed])
    truth = {name: random.uniform(*ends, FEW_AGENTS) for name, ends in TRUTH.items()}
    return tw.simulate(Leaning(), tw.environments.ProbabilisticReversal(trials=TRIALS), truth, seed=seed).trials


def checked(fit: Any, seed: int) -> Any:
    """A check by rollouts."""
    return tw.check(fit, tw.environments.ProbabilisticReversal(trials=TRIALS), seed=seed, progress=False)


def code(result: Any) -> str:
    """The verdict, which is the first finding."""
    return str(result.findings[0].code)


def repeated(study: Callable[[int], dict[str, str]], count: int, folder: Path) -> list[dict[str, str]]:
    """The verdicts of studies with seeds from 0, stored as they are finished."""
    results = []
    for seed in range(count):
        path = folder / f"{study.__name__}_{seed}.json"
        if not path.is_file():
            new = path.with_suffix(".new")
            new.write_text(json.dumps(study(seed)))
            new.replace(path)
        results.append(json.loads(path.read_text()))
        print(study.__name__, seed, results[-1], flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--work", type=Path, default=Path("results_verdicts"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    options.work.mkdir(parents=True, exist_ok=True)
    lines = [
        f"Verdicts of {options.studies} studies each, whose answers are known (two options whose better one reverses, {TRIALS} trials)",
        f"recover: {AGENTS} agents a study; bias and beta are well identified, faint acts on every thirtieth trial, idle moves logits by a thousandth",
        f"compare, check: {FEW_AGENTS} agents without a preference for an option; equally wrong are a preference for the one and the other",
        "option, wrong is a coin",
        "",
    ]
    for study in (recovery, comparison):
        results = repeated(study, options.studies, options.work)
        for name in results[0]:
            counts = Counter(each[name] for each in results)
            lines.append(f"{name:28}" + ", ".join(f"{word} {count}" for word, count in counts.most_common()))
    text = "\n".join(lines) + "\n"
    options.out.mkdir(exist_ok=True)
    (options.out / "verdicts.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

"""Type checks of user code: the README's learner, and a script that fits built-in learners."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.study  # mypy takes seconds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

LEARNER = re.search(r"```python\n(# mine\.py\n.*?)```", README, re.DOTALL)[1] + "\n\nchosen = TwoRates(initial=1.2)\n"

WITH_BASE_CLASS = (
    "import trialwise as tw\n"
    + LEARNER.replace("class TwoRates:", "class TwoRates(tw.learners.Learner):")
    + """
names: tuple[str, ...] = chosen.fix(beta=1).with_lapse().names
tied: tw.learners.Learner = chosen.tie(alpha_down="alpha_up")
"""
)

SCRIPT = """
import trialwise as tw

trials = tw.read_long("data.csv")
learner = tw.QLearning(initial=1.2)
fit = tw.fit(learner, trials, seed=1)
print(fit.group(), fit.problems, fit.findings)
fit.plot_trace().savefig("trace.png")
sets = tw.fit(tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha"), trials)
print(tw.diagnose(fit).verdict, tw.check(fit, tw.environments.AlienTask()).table)
recovery = tw.recover(learner, tw.environments.AlienTask(), {"alpha": (0, 0.2)}, folder="recovery")
compared: tw.results.Comparison = tw.compare({"flat": fit, "sets": sets})
tw.report(fit, "report.html")
value = tw.log_likelihood(learner.fix(forget=0), trials, {"alpha": 0.2, "beta": 1.5})
try:
    tw.load("fit.nc")
except tw.errors.DataError as error:
    print(error.problems)
"""


@pytest.mark.parametrize(
    ("text", "options"),
    [(LEARNER, []), (WITH_BASE_CLASS, []), (SCRIPT, ["--strict"])],
    ids=["plain", "based", "strict"],
)
def test_mypy_accepts(text, options, tmp_path):
    (tmp_path / "users.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--config-file=", "--ignore-missing-imports", *options, "users.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


DISABLED = "type-var arg-type union-attr index valid-type var-annotated call-overload misc assignment"
"""Error codes disabled for scripts, which are only partly typed."""


def test_scripts_benchmarks_and_examples_use_existing_names(tmp_path, monkeypatch):
    """No test runs them in full, so that a moved name or a renamed argument would otherwise go unnoticed."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from from_the_code import as_script

    tutorial = tmp_path / "tutorial.py"
    tutorial.write_text(as_script((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")), encoding="utf-8")
    folders = ["benchmarks", "scripts", "examples", "docs/conf.py", "docs/from_the_code.py", str(tutorial)]
    disabled = [f"--disable-error-code={code}" for code in DISABLED.split()]
    command = [sys.executable, "-m", "mypy", "--check-untyped-defs", "--explicit-package-bases", *disabled, *folders]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout

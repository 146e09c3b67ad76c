"""What the README shows works as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MINE = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if block.startswith("# mine.py"))


def python(code, folder, **environment):
    """What a fresh process prints."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_learner_is_short_and_keeps_the_contract(tmp_path):
    lines = [line for line in MINE.splitlines() if line.strip()]
    assert len(lines) <= 25
    (tmp_path / "mine.py").write_text(MINE)
    code = "import trialwise as tw, mine; print(tw.check_learner(mine.TwoRates, quiet=True).passed)"
    assert python(code, tmp_path) == "True"


def test_pictures_and_links_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("change", ["constant", "helper"])
def test_a_change_in_the_file_changes_the_likelihood_of_a_new_process(change, tmp_path):
    """Compiled code on disk is never yesterday's learner."""
    text = MINE.replace("# mine.py", "# mine.py\nSCALE = 1.0\n\ndef scaled(x):\n    return x * SCALE\n")
    text = text.replace("+= rate * error", "+= scaled(rate * error)")
    code = (
        "import trialwise as tw, mine; from trialwise.data_sets import data_set\n"
        "trials = data_set('alien_flat')[0].select([0, 1])\n"
        "print(tw.log_likelihood(mine.TwoRates(), trials, {'alpha_up': .1, 'alpha_down': .2, 'beta': 1.0}).sum())"
    )
    changed = text.replace("SCALE = 1.0", "SCALE = 0.5") if change == "constant" else text.replace("* SCALE", "/ 2")
    found = []
    for version in (text, text, changed):
        (tmp_path / "mine.py").write_text(version)
        found.append(python(code, tmp_path, TRIALWISE_CACHE=str(tmp_path / "cache"), PYTHONDONTWRITEBYTECODE="1"))
    assert found[0] == found[1] != found[2]
    assert any((tmp_path / "cache").iterdir())

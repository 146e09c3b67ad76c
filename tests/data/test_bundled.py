"""Bundled data: they load, equal the output of the script, and are small."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import trialwise as tw
from trialwise.base.errors import UsageError
from trialwise.data import bundled
from trialwise.environments.tasks.alien_rewards import is_correct

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_bundled_data.py"
FOLDER = Path(bundled.__file__).parent


@pytest.fixture(scope="module")
def alien_flat():
    return bundled.bundled("alien_flat")


def test_shape_and_labels(alien_flat):
    trials, truth = alien_flat
    assert trials.participants == tuple(range(30)) == tuple(truth["participant"])
    assert (trials.lengths == 440).all()
    assert {name: trials.levels[name] for name in ("context", "cue", "action", "block")} == {
        "context": (0, 1, 2),
        "cue": (0, 1, 2, 3),
        "action": (0, 1, 2),
        "block": tuple(range(9)),
    }
    header = (FOLDER / "alien_flat" / "trials.csv").read_text().split("\n", 1)[0]
    assert header == "participant,trial,block,context,cue,choice,outcome"


def test_true_parameters_are_in_their_ranges(alien_flat):
    truth = alien_flat[1]
    assert [*truth] == ["participant", "alpha", "beta", "forget"]
    for name, low, high in [("alpha", 0, 0.2), ("beta", 1, 5), ("forget", 0, 0.1)]:
        assert truth[name].between(low, high).all()
        assert truth[name].std() == pytest.approx((high - low) / np.sqrt(12), rel=0.3)


def test_the_agents_learn(alien_flat):
    trials, _ = alien_flat
    correct = is_correct(trials.columns["context"].values, trials.columns["cue"].values, trials.choice)
    assert 0.4 < correct.mean() < 0.8


def test_the_script_reproduces_the_bundled_files(tmp_path):
    runpy.run_path(str(SCRIPT))["make"](tmp_path)
    for name in bundled.NAMES:
        files = sorted((tmp_path / name).iterdir())
        assert [path.name for path in files] == sorted(path.name for path in (FOLDER / name).iterdir())
        for path in files:
            assert path.read_text() == (FOLDER / name / path.name).read_text(), path.name


def test_small_enough_to_bundle():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.csv")) < 600_000
    assert "CC0" in (FOLDER / "README.md").read_text()


def test_an_unknown_name_is_an_error_with_a_list_of_names():
    with pytest.raises(UsageError, match="alien_flat"):
        tw.load_data("alien_flt")


def test_agents_with_task_sets():
    trials, truth = tw.load_data("alien_task_sets")
    assert trials.n_participants == 30 and (trials.lengths == 440).all()
    assert [*truth] == ["participant", "alpha", "beta", "forget", "alpha_high", "beta_high", "forget_high"]
    for name, high in (("alpha", 0.2), ("beta_high", 5), ("forget_high", 0.1)):
        assert truth[name].between(1 if "beta" in name else 0, high).all()

"""A small run of ``scripts/calibration.py``; the large one's result is ``docs/calibration.txt``."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "calibration.py"


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ranks_of_the_truth(calibration, tmp_path):
    fits = 12
    rows = [calibration.one_fit(1000 + number) for number in range(fits)]
    calibration.report(rows, tmp_path, "calibration", ["what was fitted"])
    assert "alpha_mu" in (tmp_path / "calibration.txt").read_text() and (tmp_path / "calibration.png").stat().st_size
    for label in [f"{name}_{part}" for name in calibration.PRIOR for part in ("mu", "sd")]:
        ranks = np.array([row[label] for row in rows])
        error = calibration.RANKS / np.sqrt(12 * fits)  # of the mean of uniform ranks
        assert abs(ranks.mean() - calibration.RANKS / 2) < 4 * error, label
        assert calibration.stray(ranks) < calibration.band(fits, 0.9999, 20_000), label


def test_wrong_ranks_are_seen(calibration):
    random = np.random.default_rng(1)
    right, narrow = random.integers(0, 101, 400), random.choice([0, 2, 98, 100], 400)
    assert calibration.stray(right) < calibration.band(400, 0.999) < calibration.stray(narrow)
    assert calibration.stray(np.minimum(right + 15, 100)) > calibration.band(400, 0.999)

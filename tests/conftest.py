"""Settings and fixtures shared by all tests."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run in parallel, one per core; set before NumPy is imported
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import trialwise as tw
from trialwise.environments import AlienTask

settings.register_profile("no deadline", deadline=None)  # a slow machine is not an error
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def alien_humans() -> Path:
    """The folder of the human data of the alien task; without it the test is skipped."""
    folder = os.environ.get("TRIALWISE_ALIEN_HUMANS")
    if not folder:
        pytest.skip("set TRIALWISE_ALIEN_HUMANS to the folder that `trialwise data alien` fills")
    return Path(folder)


@pytest.fixture(scope="session")
def humans(alien_humans):
    """The human data."""
    return tw.read_wide(alien_humans)


@pytest.fixture(scope="session")
def human_tables(alien_humans):
    """The human data as stored in the files, one table each: rows are trials, columns participants."""
    names = ("seasons", "aliens", "actions", "rewards")
    return {name: np.loadtxt(alien_humans / f"{name}.csv", delimiter=",", skiprows=1) for name in names}


@pytest.fixture(scope="session")
def small():
    """Eight agents, 120 trials each, and their true parameters."""
    truth = {"alpha": (0.05, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
    return tw.simulate(tw.QLearning(initial=1.2), AlienTask(trials=120), truth, participants=8, seed=3)


@pytest.fixture(scope="session")
def fitted(small):
    """A short fit to the trials of ``small``."""
    return tw.fit(tw.QLearning(initial=1.2), small.trials, draws=300, tune=150, chains=2, seed=11, progress=False)

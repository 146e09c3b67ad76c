"""Progress bars: the time left, also of what is resumed or takes longer than it seemed, and remarks."""

import re

import pytest
from rich.cells import cell_len

from trialwise.base.progress import bars, time_left


def test_time_left_follows_from_what_was_done_since_the_start():
    assert time_left(0.0, 0.25, 10.0) == pytest.approx(30.0)
    assert time_left(0.5, 0.75, 10.0) == pytest.approx(10.0)  # half was done before
    assert time_left(0.5, 0.5, 10.0) is None and time_left(0.5, 0.2, 10.0) is None


def test_a_remark_follows_the_time_left_on_80_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with bars(True) as update:
        update("sampling", 0.0)
        update("sampling", 0.6, "123 effective draws")
        update("sampling", 0.3, "145 effective draws")  # more is needed than it seemed
    lines = [line for line in capsys.readouterr().err.split("\n") if line.strip()]
    assert all(cell_len(line) <= 80 for line in lines)
    assert re.search(r"^sampling .* left 0:00:0\d, 145 effective draws$", lines[-1])

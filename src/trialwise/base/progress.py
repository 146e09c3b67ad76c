"""Progress bars for computations in stages, in notebooks and scripts as well as on the command line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from trialwise.base.notebook import bar_of, remark_of

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

INTERVAL = 0.2
"""Seconds between two updates of a notebook."""


class Update(Protocol):
    """A function that shows the progress of a stage, which may be called from any thread."""

    def __call__(self, stage: str, share: float, remark: str = "") -> None:
        """Show that ``share``, from 0 to 1, of a stage is done, with a short remark; the share may fall if more turns out to be needed.

        The time left follows from what was done since the first call for the stage, so that the share of that call may be above 0 where
        something is resumed.
        """


def time_left(first: float, share: float, seconds: float) -> float | None:
    """Seconds that a stage will take, from its share at the start and now, ``seconds`` later; None if nothing was done in between."""
    return seconds * (1.0 - share) / (share - first) if share > first else None


@contextmanager
def bars(shown: bool) -> Iterator[Update]:
    """Provide a function ``update(stage, share, remark)`` that shows the progress of a stage, from 0 to 1, if ``shown`` is true."""
    if not shown:
        yield lambda stage, share, remark="": None
    elif in_notebook():
        with _cell_output() as update:
            yield update
    else:
        with _terminal() as update:
            yield update


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    import sys

    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")


@contextmanager
def _terminal() -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
    from rich.table import Column
    from rich.text import Text

    class Left(ProgressColumn):
        """Time left by the speed since the start of the stage: rich's own forgets updates that are half a minute apart."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            left = 0.0 if task.finished else time_left(task.fields["first"], task.completed, task.fields["at"])
            since = (task.elapsed or 0.0) - task.fields["at"]
            clock = "-:--:--" if left is None else str(timedelta(seconds=round(max(left - since, 0.0))))
            return Text(", ".join(part for part in (clock, task.fields["remark"]) if part))

    columns = (
        TextColumn("{task.description:<12}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(max_width=40)),
        TimeElapsedColumn(),
        TextColumn("left"),
        Left(table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        stages: dict[str, TaskID] = {}

        def update(stage: str, share: float, remark: str = "") -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=1.0, first=share, at=0.0, remark="")
            (task,) = (each for each in progress.tasks if each.id == stages[stage])
            progress.update(stages[stage], completed=share, at=task.elapsed or 0.0, remark=remark)

        yield update


@contextmanager
def _cell_output() -> Iterator[Update]:
    """One output of a cell, updated in place by the kernel itself, so that no widgets are needed; one line is left of it."""
    output = _CellOutput()
    try:
        yield output.update
    except BaseException:
        output.close("stopped")
        raise
    output.close("finished")


class _Stage(NamedTuple):
    """The share of a stage at its start and now, both times, and a remark."""

    first: float
    share: float
    start: float
    now: float
    remark: str


class _CellOutput:
    """The stages of a computation in the output of a notebook's cell; nothing is displayed before the first stage."""

    def __init__(self) -> None:
        self.stages: dict[str, _Stage] = {}
        self.handle: DisplayHandle | None = None
        self.displayed, self.closed = 0.0, False
        self.lock = Lock()

    def update(self, stage: str, share: float, remark: str = "") -> None:
        with self.lock:
            now, share = time.monotonic(), min(max(share, 0.0), 1.0)
            if self.closed:
                return
            before = self.stages.get(stage, _Stage(share, share, now, now, ""))
            self.stages[stage] = before._replace(share=share, now=now, remark=remark)
            if now - self.displayed >= INTERVAL:
                self.displayed = now
                lines = [self._line(name, each) for name, each in self.stages.items()]
                self._display("\n".join(text for text, _ in lines), "".join(html for _, html in lines))

    def close(self, state: str) -> None:
        """Replace the bars by one line."""
        with self.lock:
            self.closed = True
            if self.stages:
                took = ", ".join(f"{name} {_clock(each.now - each.start)}" for name, each in self.stages.items())
                self._display(f"{took} ({state})", remark_of(f"{took} ({state})"))

    @staticmethod
    def _line(name: str, stage: _Stage) -> tuple[str, str]:
        seconds = stage.now - stage.start
        left = time_left(stage.first, stage.share, seconds) if stage.share < 1 else None
        parts = [f"{stage.share:.0%}", _clock(seconds), "" if left is None else f"{_clock(left)} left", stage.remark]
        clock = ", ".join(part for part in parts if part)
        return f"{name}: {clock}", bar_of(name, stage.share, clock)

    def _display(self, text: str, html: str) -> None:
        from IPython.display import display

        content = {"text/plain": text, "text/html": html}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

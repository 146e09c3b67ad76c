"""Progress bars for computations in stages, in notebooks and scripts as well as on the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from trialwise.base.notebook import bar_of, remark_of

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

INTERVAL = 0.2
"""Seconds between two updates of a notebook."""

Update = Callable[[str, float], None]
"""``update(stage, share)``, which may be called from any thread."""


@contextmanager
def bars(shown: bool) -> Iterator[Update]:
    """Provide a function ``update(stage, share)`` that shows the progress of a stage, from 0 to 1, if ``shown`` is true."""
    if not shown:
        yield lambda stage, share: None
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
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description:<12}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(max_width=40)),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        stages: dict[str, TaskID] = {}

        def update(stage: str, share: float) -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=1.0)
            progress.update(stages[stage], completed=share)

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


class _CellOutput:
    """The stages of a computation in the output of a notebook's cell; nothing is displayed before the first stage."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[float, float, float]] = {}
        """Share, start and most recent time of each stage."""
        self.handle: DisplayHandle | None = None
        self.displayed, self.closed = 0.0, False
        self.lock = Lock()

    def update(self, stage: str, share: float) -> None:
        with self.lock:
            now = time.monotonic()
            if self.closed:
                return
            start = self.stages[stage][1] if stage in self.stages else now
            self.stages[stage] = (min(max(share, 0.0), 1.0), start, now)
            if now - self.displayed >= INTERVAL:
                self.displayed = now
                lines = [self._line(name, *each) for name, each in self.stages.items()]
                self._display("\n".join(text for text, _ in lines), "".join(html for _, html in lines))

    def close(self, state: str) -> None:
        """Replace the bars by one line."""
        with self.lock:
            self.closed = True
            if self.stages:
                took = ", ".join(f"{name} {_clock(end - start)}" for name, (_, start, end) in self.stages.items())
                self._display(f"{took} ({state})", remark_of(f"{took} ({state})"))

    @staticmethod
    def _line(stage: str, share: float, start: float, now: float) -> tuple[str, str]:
        remaining = f", {_clock((now - start) * (1 - share) / share)} left" if 0 < share < 1 else ""
        clock = f"{share:.0%}, {_clock(now - start)}{remaining}"
        return f"{stage}: {clock}", bar_of(stage, share, clock)

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

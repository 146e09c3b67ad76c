"""Progress bars for computations in stages, in notebooks and scripts as well as on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bars(shown: bool) -> Iterator[Callable[[str, float], None]]:
    """Provide a function ``update(stage, share)`` that shows the progress of a stage, from 0 to 1, if ``shown`` is true."""
    if not shown:
        yield lambda stage, share: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description:<12}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(max_width=40)),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        stages: dict[str, object] = {}

        def update(stage: str, share: float) -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=1.0)
            progress.update(stages[stage], completed=share)  # type: ignore[arg-type]

        yield update

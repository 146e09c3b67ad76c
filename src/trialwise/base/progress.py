"""Progress of long work in stages, told as bars; for notebooks and scripts as well as for the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bars(shown: bool) -> Iterator[Callable[[str, float], None]]:
    """A function ``tell(stage, share)``: how far a stage is, from 0 to 1. Silent unless ``shown``."""
    if not shown:
        yield lambda stage, share: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        stages: dict[str, object] = {}

        def tell(stage: str, share: float) -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=1.0)
            progress.update(stages[stage], completed=share)  # type: ignore[arg-type]

        yield tell

"""Fetching public data: checked by hash, written whole or not at all, and never without saying whose they are."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike, fspath
from pathlib import Path

from trialwise.base.errors import FetchError, UsageError
from trialwise.base.files import write

MOST_BYTES = 20_000_000
"""No file of a data set is larger: a longer answer is not the file."""


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes
    ----------
    name
        What to type: ``trialwise data alien``.
    title
        One line.
    url
        The folder that holds the files, without a slash at its end.
    files
        SHA-256 of each file by name.
    terms
        Who collected the data, under which terms they may be used, what to cite.
    """

    name: str
    title: str
    url: str
    files: Mapping[str, str]
    terms: str


@dataclass(frozen=True)
class Fetched:
    """Where the files of a data set are, and whether they were downloaded now or were there before."""

    dataset: Dataset
    folder: Path
    downloaded: tuple[Path, ...]
    kept: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(self.folder / name for name in self.dataset.files)


ALIEN = Dataset(
    name="alien",
    title="human choices in the alien task: 31 participants, 440 trials of initial learning",
    url="https://raw.githubusercontent.com/junpenglao/Planet_Sakaar_Data_Science/master/PyMC_QnA/1735_data",
    files={
        "actions.csv": "2c8964accc0d2cc361b740a4ea9ad39e5969dd91098c25e3694309a6c1918a82",
        "aliens.csv": "04df283fda304a5432dcb4065235f63fbf230ea683af8dc0132177fa5607625f",
        "rewards.csv": "7840c800480baac0889a9c964b2bf156bb7e3577bcd3142abc941e3cc6699e9b",
        "seasons.csv": "c8e0e368a7d6f2e55dbb7f402d88c258a5c7369293b29e3d0bd718780b537d8c",
    },
    terms=(
        "Collected by Maria K. Eckstein and Anne G. E. Collins: Computational evidence for hierarchically structured"
        " reinforcement learning in humans, PNAS 2020, 117(47), 29381-29389. Redistributed by Junpeng Lao in"
        " Planet_Sakaar_Data_Science (PyMC_QnA/1735_data), a repository under the MIT licence. The collectors have stated no"
        " licence for the data: use them for research, and cite both."
    ),
)

DATASETS = {dataset.name: dataset for dataset in (ALIEN,)}


def fetch(
    name: str | Dataset = "alien",
    folder: str | PathLike[str] | None = None,
    *,
    url: str | None = None,
    overwrite: bool = False,
    timeout: float = 30.0,
) -> Fetched:
    """Download a public data set into a folder.

    Files that are there already and have the right hash are kept. All files are downloaded and checked before any is
    written, each under a temporary name first: what is in the folder is whole.

    Parameters
    ----------
    name
        A name in :data:`DATASETS`, or a data set of your own.
    folder
        Where to, by default a folder of that name in the working directory.
    url
        A mirror: the folder with the files, instead of the data set's own.
    overwrite
        Replace files of the same names that have other contents.
    timeout
        Seconds to wait for an answer, above 0.

    Returns
    -------
    Fetched
        With the paths; ``fetched.dataset.terms`` says under which terms the data may be used.

    Raises
    ------
    FetchError
        If a file cannot be downloaded or written, is not the one expected, or would replace another.
    UsageError
        If there is no such data set.
    """
    dataset = _dataset(name)
    base = (url or dataset.url).rstrip("/")
    target = Path(fspath(folder)) if folder is not None else Path(dataset.name)
    kept = _kept(dataset, target, overwrite)
    contents: dict[str, bytes] = {}
    wrong = []
    for file, sha256 in dataset.files.items():
        if file not in kept:
            contents[file] = _download(f"{base}/{file}", timeout)
            found = hashlib.sha256(contents[file]).hexdigest()
            if found != sha256:
                wrong.append(f"  {file}: {len(contents[file])} bytes, SHA-256 {found}, expected {sha256}")
    if wrong:
        raise FetchError(
            "\n".join(["the files at the other end are not the ones expected; nothing was written:", *wrong])
            + f"\n    -> look at {base}, try again later, or give another url=..."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file, content in contents.items():
            write(target / file, content)
    except OSError as error:
        raise FetchError(f"cannot write into {str(target)!r}: {error}\n    -> give another folder") from None
    return Fetched(dataset, target, tuple(target / file for file in contents), tuple(target / file for file in kept))


def _dataset(name: str | Dataset) -> Dataset:
    if isinstance(name, Dataset):
        return name
    if name not in DATASETS:
        raise UsageError(f"there is no data set {name!r}; there are: {', '.join(DATASETS)}")
    return DATASETS[name]


def _kept(dataset: Dataset, folder: Path, overwrite: bool) -> list[str]:
    """The files that are there already."""
    there = [file for file in dataset.files if (folder / file).is_file()]
    same = [f for f in there if hashlib.sha256((folder / f).read_bytes()).hexdigest() == dataset.files[f]]
    other = [file for file in there if file not in same]
    if other and not overwrite:
        raise FetchError(
            f"{str(folder)!r} has other contents in {', '.join(other)}; nothing was written"
            "\n    -> give another folder, or overwrite=True (--overwrite) to replace them"
        )
    return same


def _download(url: str, timeout: float) -> bytes:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "trialwise"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            content: bytes = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise FetchError(
            f"{url}: the server answers {error.code} {error.reason}"
            "\n    -> if the file has moved, give its new place: url='https://...' (--url)"
        ) from None
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise FetchError(
            f"{url}: no answer ({reason})\n    -> check the network connection or the proxy, and try again"
        ) from None
    except ValueError as error:
        raise FetchError(f"{url!r} is no address: {error}\n    -> give one like url='https://...'") from None
    if len(content) > MOST_BYTES:
        raise FetchError(f"{url}: more than {MOST_BYTES} bytes, not the file expected\n    -> look at the address")
    return content

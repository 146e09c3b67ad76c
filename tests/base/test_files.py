"""Files of one result appear together or carry a mark; links are written through, devices refused; a full disk leaves nothing behind."""

import ast
import errno
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trialwise.base import files
from trialwise.base.errors import DataError, UsageError
from trialwise.base.files import MARK, _hash, create_folder, refuse_mixed, target_of, together, whole, write
from trialwise.inference.checkpoint import Checkpoint
from trialwise.studies.store import Store

NAMES = ("draws.nc", "summary.csv", "picture.png")


def write_three(folder, run):
    with together(folder, "fit"):
        for name in NAMES:
            write(folder / name, f"{run} {name}")


def contents(folder):
    return [(folder / name).read_text().split()[0] if (folder / name).exists() else "none" for name in NAMES]


KILLED = """
import os, signal, sys
from pathlib import Path
import trialwise.base.files as files

folder, point = Path(sys.argv[1]), int(sys.argv[2])
count = 0

def counted(function):
    def call(*args, **more):
        global count
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        return function(*args, **more)
    return call

files.os.replace = counted(os.replace)
files.os.chmod = counted(os.chmod)
Path.unlink = counted(Path.unlink)
with files.together(folder, "fit"):
    for name in ("draws.nc", "summary.csv", "picture.png"):
        files.write(folder / name, f"new {name}")
"""

POINTS = 12
"""Three files written elsewhere; the mark, written and renamed; three renames; the mark removed; nothing else removed."""


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize("point", range(POINTS))
def test_killed_at_any_point(tmp_path, point, earlier):
    if earlier:
        write_three(tmp_path, "old")
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(point)], check=False)
    assert ended.returncode == -signal.SIGKILL
    found = set(contents(tmp_path))
    if len(found) == 1:  # all old, all new, or nothing yet
        refuse_mixed(*(tmp_path / name for name in NAMES))
    else:
        for name in NAMES:
            with pytest.raises(DataError, match="two runs(.|\n)*run the command again"):
                refuse_mixed(tmp_path / name)
        refuse_mixed(tmp_path / "another.csv")
    write_three(tmp_path, "newest")
    assert contents(tmp_path) == ["newest"] * 3 and not list(tmp_path.glob(f"*{MARK}"))
    refuse_mixed(*(tmp_path / name for name in NAMES))


def test_all_points_were_tried(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(POINTS)], check=False)
    assert ended.returncode == 0 and contents(tmp_path) == ["new"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_an_error_among_the_files_leaves_the_earlier_ones(tmp_path):
    write_three(tmp_path, "old")
    with pytest.raises(KeyError), together(tmp_path, "fit"):
        write(tmp_path / NAMES[0], "new")
        raise KeyError
    assert contents(tmp_path) == ["old"] * 3 and len(list(tmp_path.iterdir())) == 3
    assert write(tmp_path / "later.txt", "now").read_text() == "now"


def test_a_result_inside_a_result_belongs_to_it(tmp_path):
    with together(tmp_path, "all"):
        write_three(tmp_path, "inner")
        write(tmp_path / "more.txt", "a")
        write(tmp_path / "more.txt", "b")
        assert contents(tmp_path) == ["none"] * 3
    assert contents(tmp_path) == ["inner"] * 3 and (tmp_path / "more.txt").read_text() == "b"
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 1}', '{"sha256": {"draws.nc": 1}}', "\x00"])
def test_a_damaged_mark_is_no_mark(tmp_path, text):
    write_three(tmp_path, "old")
    (tmp_path / f"fit{MARK}").write_text(text)
    refuse_mixed(tmp_path / NAMES[0])


def test_the_mark_says_what_to_do(tmp_path, monkeypatch):
    write_three(tmp_path, "old")
    renamed = []

    def replace(source, target):
        if renamed and not str(target).endswith(MARK):
            raise OSError(5, "Input/output error")
        renamed.extend([target] if not str(target).endswith(MARK) else [])
        return os.rename(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(UsageError, match="summary.csv' cannot be replaced: Input/output error"):
        write_three(tmp_path, "new")
    mark = json.loads((tmp_path / f"fit{MARK}").read_text())
    assert set(mark["sha256"]) == set(NAMES) and "Run it again" in mark["note"]
    assert contents(tmp_path) == ["new", "old", "old"] and not list(tmp_path.glob(".*.part"))
    with pytest.raises(DataError, match="Of the last run are draws.nc"):
        refuse_mixed(tmp_path / NAMES[0])


def test_remains_of_killed_processes_are_removed_later(tmp_path):
    old, new, other = (tmp_path / name for name in (".draws.nc.abc.part", ".draws.nc.def.part", ".another.nc.abc.part"))
    for part in (old, new, other):
        part.write_text("remains")
    for part in (old, other):
        os.utime(part, (0, 0))
    write_three(tmp_path, "new")
    assert not old.exists() and new.exists() and other.exists()


# -- power cuts ----------------------------------------------------------------------------------------------------------


class Disk:
    """What a power cut would leave: contents as of their last fsync, names as of that of their folder."""

    def __init__(self, monkeypatch):
        self.contents, self.names, self.log = {}, {}, []
        fsync, replace, unlink = os.fsync, os.replace, Path.unlink

        def synced(handle):
            fsync(handle)
            path = Path(f"/proc/self/fd/{handle}").resolve()
            if path.is_dir():
                self.names = {each.name: each.stat().st_ino for each in path.iterdir()}
            else:
                self.contents[path.stat().st_ino] = path.read_text()

        def renamed(source, target):
            assert self.contents[Path(source).stat().st_ino] == Path(source).read_text()
            replace(source, target)

        def unlinked(path, **more):
            if path.name.endswith(MARK) and path.exists():
                self.log.append(self.after_a_power_cut())
            unlink(path, **more)

        monkeypatch.setattr(files.os, "fsync", synced)
        monkeypatch.setattr(files.os, "replace", renamed)
        monkeypatch.setattr(Path, "unlink", unlinked)

    def after_a_power_cut(self):
        return {name: self.contents.get(inode, "") for name, inode in self.names.items() if not name.startswith(".")}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="paths of open files are read from /proc")
def test_a_power_cut_leaves_no_empty_file(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    write(tmp_path / "a.csv", "first")
    assert disk.after_a_power_cut() == {"a.csv": "first"}
    write(tmp_path / "a.csv", "second")
    assert disk.after_a_power_cut() == {"a.csv": "second"}
    write_three(tmp_path, "new")
    (before_the_mark_is_gone,) = disk.log
    assert {name: before_the_mark_is_gone[name] for name in NAMES} == {name: f"new {name}" for name in NAMES}


WRITES = {
    "write_text",
    "write_bytes",
    "touch",
    "savez",
    "savez_compressed",
    "tofile",
    "to_excel",
    "to_parquet",
    "to_pickle",
}
"""Names of functions that write files."""


def writes_around(path):
    """Calls in a file of the package that write files on their own; ``with whole(...) as temporary, open(temporary, "wb")`` does not."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = [
        node for each in ast.walk(tree) if isinstance(each, ast.With)
        if any(isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func) == "whole" for item in each.items)
        for node in ast.walk(each)
    ]  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node not in inside:
            name = ast.unparse(node.func)
            modes = [each.value for each in (*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")) if isinstance(each, ast.Constant)]  # fmt: skip
            is_open = name.endswith("open") and any(set("wax+") & set(str(mode)) for mode in modes)
            if is_open or name in ("os.replace", "os.rename", "os.open") or name.rpartition(".")[2] in WRITES:
                yield f"{path.name}: {ast.unparse(node)}"


def test_nothing_writes_files_but_this_module():
    package = Path(files.__file__).parents[1]
    others = [path for path in package.rglob("*.py") if path != Path(files.__file__)]
    found = [call for path in others for call in writes_around(path)]
    assert found == ["cache.py: (place / f'{key}.note').touch()"]  # an empty file is all of it
    assert list(writes_around(Path(files.__file__)))


# -- paths ---------------------------------------------------------------------------------------------------------------


def test_a_link_is_kept_and_its_target_written(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "real.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(Path("there") / "real.csv")
    assert write(link, "new") == link
    assert link.is_symlink() and target.read_text() == "new"
    with together(tmp_path, "fit"):
        write(link, "newer")
        write(tmp_path / "other.csv", "newer")
    assert link.is_symlink() and target.read_text() == "newer" and len(list(tmp_path.rglob("*"))) == 4


def test_a_link_to_no_file_yet(tmp_path):
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "later.csv")
    write(link, "new")
    assert link.is_symlink() and (tmp_path / "later.csv").read_text() == "new"


@pytest.mark.parametrize("through_a_link", [False, True])
@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "loop"])
def test_what_is_no_file_is_refused(tmp_path, kind, through_a_link):
    place = tmp_path / "place"
    if kind == "device":
        place = Path("/dev/null")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(place)
    if through_a_link:
        (tmp_path / "link").symlink_to(place)
        place = tmp_path / "link"
    words = {"device": "a device", "pipe": "a pipe", "folder": "a folder", "loop": "link"}[kind]
    with pytest.raises(UsageError, match=f"cannot be written: .*{words}.*give "):
        write(place, "text")
    assert not list(tmp_path.glob(".*.part")) and Path("/dev/null").is_char_device()


def test_permissions_of_an_earlier_file_are_kept(tmp_path):
    path = write(tmp_path / "a.csv", "old")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write(path, "new")
    assert path.stat().st_mode & 0o777 == 0o600 and target_of(path) == path


# -- full disks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_limit_on_the_size_of_files(tmp_path, small_files):
    write(tmp_path / "a.csv", "old")
    with pytest.raises(UsageError, match=r"a.csv' cannot be written: it would be larger(.|\n)*ulimit -f"):
        write(tmp_path / "a.csv", "x" * 5000)
    with pytest.raises(UsageError, match="larger"), together(tmp_path, "fit"):
        write(tmp_path / "b.csv", "short")
        write(tmp_path / "a.csv", "x" * 5000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"] and (tmp_path / "a.csv").read_text() == "old"


def test_arrays_on_a_full_disk(tmp_path, small_files):
    """Of a study and of a sampler, whose earlier files stay what they were."""
    store, checkpoint = Store(tmp_path, "recover", 1, {}), Checkpoint(tmp_path / "sampler.npz", 1)
    store.save(0, {"a": np.arange(3.0)})
    checkpoint.save({"a": np.arange(3.0)})
    for save in (lambda arrays: store.save(0, arrays), checkpoint.save):
        with pytest.raises(UsageError, match="cannot be written: it would be larger.*unchanged"):
            save({"a": np.arange(3000.0)})
    assert store.load(0)["a"].tolist() == checkpoint.load()["a"].tolist() == [0, 1, 2]
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_is_full_when_the_file_is_brought_to_it(tmp_path, monkeypatch):
    write(tmp_path / "a.csv", "old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UsageError, match="disk is full"):
        write(tmp_path / "a.csv", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_full_disk(tmp_path):
    with pytest.raises(UsageError, match="disk is full; free some space"), whole(tmp_path / "a.csv"):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error, words", [(errno.EACCES, "Permission denied"), (errno.EROFS, "Read-only file system")])
def test_a_folder_that_is_read_only(tmp_path, monkeypatch, error, words):
    write(tmp_path / "a.csv", "old")

    def refused(*_, **__):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(files.tempfile, "mkstemp", refused)
    with pytest.raises(UsageError, match=f"cannot be written: {words}; choose another folder.*unchanged"):
        write(tmp_path / "a.csv", "new")
    with pytest.raises(UsageError, match=words), together(tmp_path, "fit"):
        write(tmp_path / "a.csv", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file/there' cannot be created: Not a directory; give a path in another"):
        create_folder(tmp_path / "file" / "there")
    assert create_folder(tmp_path / "a" / "b").is_dir()


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(UsageError, match="cannot be written: No such file or directory; choose another folder"):
        write(tmp_path / "missing" / "a.csv", "text")


def test_files_of_an_interrupted_run_stay_marked_until_all_are_replaced(tmp_path):
    """A later run that writes only some of the files does not vouch for the others."""
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")
    listed = {
        name: {"old": _hash(tmp_path / name), "new": hashlib.sha256(b"new").hexdigest()} for name in ("a", "b", "c")
    }
    (tmp_path / "run.unfinished.json").write_text(json.dumps({"sha256": listed}))
    (tmp_path / "b").write_text("new")  # killed here
    with together(tmp_path, "run"):
        write(tmp_path / "a", "newest")
    with pytest.raises(DataError, match="two runs"):
        refuse_mixed(tmp_path / "c")
    refuse_mixed(tmp_path / "a")
    with together(tmp_path, "run"):
        for name in ("a", "b", "c"):
            write(tmp_path / name, "final")
    refuse_mixed(*(tmp_path / name for name in ("a", "b", "c")))
    assert not list(tmp_path.glob("*.json"))

"""A real browser without a window, for tests of pages."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

PROBE = """<!doctype html><meta charset="utf-8"><title>probe</title>
<iframe src="%s" style="width:%dpx;height:900px;border:0"></iframe><pre id="found"></pre>
<script>
window.onload = () => {
  const inside = document.querySelector("iframe").contentWindow, page = inside.document;
  page.querySelectorAll("details").forEach(each => each.open = true);
  const pictures = [...page.images].map(each => ({
    width: each.naturalWidth, narrow: each.currentSrc === each.previousElementSibling.getAttribute("srcset")}));
  const boxes = name => [...page.querySelectorAll(name)].map(each => each.getBoundingClientRect());
  document.getElementById("found").textContent = JSON.stringify({
    overflow: page.documentElement.scrollWidth, pictures: pictures, ran: inside.ran === undefined ? 0 : inside.ran,
    words: boxes("mi").length, displayed: boxes(".equation math").map(each => each.height), text: page.body.textContent});
};
</script>"""


def browser():
    """Where one is; without any the test is skipped by name."""
    result = next((place for name in NAMES if (place := shutil.which(name))), MAC if MAC.exists() else None)
    if result is None:
        pytest.skip(f"no browser found ({', '.join(NAMES)}): install Chromium or Chrome")
    return str(result)


def run(folder, *arguments):
    """What a browser prints with these arguments; it keeps its own things in ``folder``."""
    flags = (
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--allow-file-access-from-files",
        "--virtual-time-budget=10000", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    done = subprocess.run([browser(), *flags, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def probed(page, width):
    """What a browser makes of a page of this width: its real width, its pictures, what ran in it, its text."""
    from html import unescape

    probe = page.with_name(f"probe-{width}.html")
    probe.write_text(PROBE % (page.name, width))
    shown = run(page.parent, "--dump-dom", probe.as_uri())
    return json.loads(unescape(shown.split('<pre id="found">')[1].split("</pre>")[0]))

"""A headless browser for tests of pages."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

PROBE = """<!doctype html><meta charset="utf-8"><title>probe</title>
<iframe src="%s" style="width:%dpx;height:900px;border:0"></iframe><pre id="result"></pre>
<script>
window.onload = () => {
  const inside = document.querySelector("iframe").contentWindow, page = inside.document;
  page.querySelectorAll("details").forEach(each => each.open = true);
  const pictures = [...page.images].map(each => ({loaded: each.naturalWidth, displayed: each.getBoundingClientRect().width}));
  const boxes = name => [...page.querySelectorAll(name)].map(each => each.getBoundingClientRect());
  document.getElementById("result").textContent = JSON.stringify({
    overflow: page.documentElement.scrollWidth, pictures: pictures, ran: inside.ran === undefined ? 0 : inside.ran,
    words: boxes("mi").length, displayed: boxes(".equation math").map(each => each.height), text: page.body.textContent});
};
</script>"""


def browser():
    """The path of a browser; without one the test is skipped."""
    result = next((path for name in NAMES if (path := shutil.which(name))), MAC if MAC.exists() else None)
    if result is None:
        pytest.skip(f"no browser found ({', '.join(NAMES)}): install Chromium or Chrome")
    return str(result)


def run(folder, *arguments):
    """The output of a browser with these arguments, with its profile in ``folder``."""
    flags = (
        "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--allow-file-access-from-files",
        "--virtual-time-budget=10000", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    process = subprocess.run([browser(), *flags, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return process.stdout


def probe_page(page, width):
    """How a browser renders a page of this width: the real width, the pictures, scripts that ran, the text."""
    from html import unescape

    probe = page.with_name(f"probe-{width}.html")
    probe.write_text(PROBE % (page.name, width))
    dumped = run(page.parent, "--dump-dom", probe.as_uri())
    return json.loads(unescape(dumped.split('<pre id="result">')[1].split("</pre>")[0]))

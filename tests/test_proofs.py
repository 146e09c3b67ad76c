"""The files and tests named on the page of proofs exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_proof_exists():
    places = re.findall(r"`((?:tests|scripts)/[^`]+)`", (ROOT / "docs" / "proofs.md").read_text("utf-8"))
    assert len(places) > 10
    for place in places:
        path, _, name = place.partition("::")
        text = (ROOT / path).read_text("utf-8")
        assert not name or f"def {name}(" in text, place

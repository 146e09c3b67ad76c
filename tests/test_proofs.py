"""The files and tests named on the page of proofs exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_proof_exists():
    proofs = re.findall(r"`((?:tests|scripts)/[^`]+)`", (ROOT / "docs" / "proofs.md").read_text("utf-8"))
    assert len(proofs) > 10
    for proof in proofs:
        path, _, name = proof.partition("::")
        text = (ROOT / path).read_text("utf-8")
        assert not name or f"def {name}(" in text, proof

"""The command line: one module per verb, and the only package that prints."""


def main() -> None:
    """Run the command ``trialwise``."""
    from trialwise.cli.app import app

    app()

"""The command line: one module a verb, and the only place that prints."""


def main() -> None:
    """Run the command ``trialwise``."""
    from trialwise.cli.app import app

    app()

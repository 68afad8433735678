"""The command line: thin; every command calls what a Python user calls.

Data go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 failed, 2 usage,
130 Ctrl-C.
"""

import os
import sys
import warnings
from typing import Any

import click

from gorae.cli.audit import audit
from gorae.cli.curve import curve
from gorae.cli.doctor import doctor
from gorae.cli.explain import explain
from gorae.cli.export import export
from gorae.cli.fit import fit
from gorae.cli.info import info
from gorae.cli.interrupts import INTERRUPTED, hear_interrupts, ignore_interrupts
from gorae.cli.look import look
from gorae.cli.predict import predict
from gorae.cli.search import search
from gorae.cli.similar import similar
from gorae.errors import GoraeError

_EPILOG = "Example: gorae fit people.csv --target income, then gorae predict people.gorae new.csv"


@click.group(
    epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="gorae")
def gorae_command() -> None:
    """Train populations of models: from a data set to a model with its evidence."""


for _command in (fit, search, predict, explain, similar, look, audit, curve, export, info, doctor):
    gorae_command.add_command(_command)


def main() -> None:
    """Run the command line and exit with its code."""
    warnings.showwarning = _tell_warning
    try:
        hear_interrupts()
        code = gorae_command.main(prog_name="gorae", standalone_mode=False)
        if sys.stdout is not None:  # None where the shell has closed it
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        ignore_interrupts()
        click.echo("gorae: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except GoraeError as error:
        click.echo(f"gorae: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"gorae: the result could not be written: {error.strerror or error}.", err=True)
        sys.stderr.flush()
        os._exit(1)  # Python would try to write what is left once more, and fail with a traceback
    sys.exit(code if isinstance(code, int) else 0)


def _tell_warning(message: Any, category: Any, *_: Any) -> None:
    """Say a warning as one line on standard error, without a place in the source."""
    if category.__module__.startswith("gorae") or issubclass(category, UserWarning):
        click.echo(f"gorae: {message}", err=True)

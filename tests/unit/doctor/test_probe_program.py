"""The program that tries the ways loads no module on a host, so its strictness is looked at here."""

import shutil
import subprocess
from importlib import resources

import pytest

PROGRAM = resources.files("swarmkit.doctor").joinpath("paths.pl").read_text()


@pytest.mark.skipif(not shutil.which("perl"), reason="no perl")
def test_the_perl_program_is_strict_and_has_no_warning() -> None:
    said = subprocess.run(
        ["perl", "-Mstrict", "-Mwarnings", "-c"], input=PROGRAM, capture_output=True, text=True, check=True
    )
    assert said.stderr.strip() == "- syntax OK"


def test_the_perl_program_loads_no_module() -> None:
    assert not [line for line in PROGRAM.splitlines() if line.startswith(("use ", "require "))]

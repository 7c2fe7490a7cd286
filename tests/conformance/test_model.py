"""The generated tables and types are what the installed botocore describes."""

import pathlib
import subprocess

import botocore

from server import ROOT


def test_generated_code_has_not_drifted():
    model = pathlib.Path(botocore.__file__).parent / "data/lightsail/2016-11-28/service-2.json.gz"
    run = subprocess.run(["cargo", "xtask", "codegen", "--check", model], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr

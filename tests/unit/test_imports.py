"""`import remission` is quick and light: the heavy libraries wait until a room needs them."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "dask", "distributed", "duckdb", "greenwood", "jax", "jinja2", "llvmlite", "matplotlib", "numba", "pandas", "rich", "scipy", "yaml",
}  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `statement`."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_remission_loads_no_heavy_library() -> None:
    assert loaded_by("import remission") & HEAVY == set()


def test_import_of_the_command_line_loads_no_heavy_library() -> None:
    assert loaded_by("import remission.cli") & (HEAVY - {"rich"}) == set()


@pytest.mark.parametrize("statement", ["import yaml", "import scipy.special", "import llvmlite"])
def test_the_check_itself_sees_a_heavy_library(statement: str) -> None:
    assert loaded_by(statement) & HEAVY


def test_every_public_name_of_the_evidence_is_there() -> None:
    import remission.evidence as room

    assert all(getattr(room, name) is not None for name in room.__all__)
    with pytest.raises(AttributeError):
        room.no_such_name  # noqa: B018


def test_asking_for_results_does_not_load_what_bakes_and_scaffolds() -> None:
    script = "import sys, remission.evidence; print({'remission.evidence.scaffold', 'remission.evidence.bake'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"

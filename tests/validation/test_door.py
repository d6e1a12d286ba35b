"""`remission validate` from the command line: JSON, pages, and errors in five parts."""

import json

import pytest

from remission.cli import main
from remission.inference.validation.kept import read

SMALL = ["--draws", "prior:8", "--patients", "60", "--trial", "s1318"]


def test_json_has_the_promised_keys(capsys) -> None:
    assert main(["validate", *SMALL, "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert {
        "n",
        "coverage50",
        "coverage90",
        "crps",
        "crps_baseline",
        "crps_ratio",
        "bias_by_endpoint",
        "mean_absolute_error",
        "validate",
    } <= set(found["summary"])
    assert found["summary"]["n"] == 6
    assert {"published", "median", "lo90", "hi90", "crps", "crps_baseline", "pit"} <= set(found["rows"][0])
    assert found["notice"].startswith("Research software")
    assert found["provenance"]["posterior"] == "prior"


def test_pages_are_written_and_the_terminal_says_what_came_out(capsys, tmp_path) -> None:
    out = tmp_path / "here"
    kept = tmp_path / "without.npz"
    assert main(["validate", *SMALL, "--out", str(out), "--keep", str(kept)]) == 0
    assert set(read(kept)) == {"s1318"}
    assert sorted(p.name for p in out.iterdir()) == ["model-card.html", "validation.html", "validation.json"]
    told = json.loads((out / "validation.json").read_text())
    assert told["summary"]["n"] == 6
    said = capsys.readouterr().out
    assert "s1318" in said
    assert "Research software: not for decisions about a patient." in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--trial", "s1381"], 3),
        (["--patients", "0"], 2),
        (["--fit", "nowhere"], 3),
        (["--trial", "tower", "--draws", "prior:2"], 6),
        (["--leave-out", "somehow"], 2),
        (["--draws", "no-such-posterior"], 3),
    ],
)
def test_mistakes_are_told_in_five_parts(capsys, arguments: list[str], code: int) -> None:
    assert main(["validate", *arguments]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert "fix:" in captured.err
    assert captured.out == ""


def test_no_patients_is_told_as_the_option_it_is(capsys) -> None:
    assert main(["validate", "--patients", "0"]) == 2
    assert "--patients" in capsys.readouterr().err

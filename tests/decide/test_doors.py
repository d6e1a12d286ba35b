"""Do the doors answer as promised, and fail in five parts with a code and without a traceback?"""

import json

import pytest

import remission.decide
from remission import cli

POSITION = ["position", "--population", "a041703"]
QUICK = ["--draws", "prior:10", "--patients", "30"]


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["compare", "s1318", "--population", "s1318"], 2, "two or more"),
    (["compare", "s1318", "s1319", "--population", "s1318"], 3, "s1318"),
    (["compare", "s1318", "a041703", "--population", "older"], 3, "older"),
    (["compare", "s1318", "a041703", "--population", "s1318", "--endpoint", "PFS@36mo"], 2, "EFS@36mo"),
    (["compare", "s1318", "a041703", "--population", "s1318", "--patients", "0"], 2, "at least one"),
    (["compare", "s1318", "a041703", "--population", "s1318", "--draws", "prior:0"], 2, "draws"),
    (["compare", "s1318", "like a041703, but teleport", "--population", "s1318"], 2, "move X before"),
    (["compare", "s1318", "a041703"], 2, "--population"),
    (["position", "--population", "nobody"], 3, "nobody"),
    (["position", "--population", "sc-blina", *QUICK], 2, "newly diagnosed"),
    (["position", "--population", "a041703", "--max-cycles", "99"], 2, "max-cycles"),
    (["position", "--population", "a041703", "--max-chemotherapy", "some"], 2, "none"),
    (["position", "--population", "a041703", "--draws", "prior:2"], 2, "at least 10"),
    (["position", "--population", "a041703", "--patients", "-1"], 2, "at least one"),
    ([*POSITION, "--max-care-days", "0", "--max-cycles", "0", "--max-chemotherapy", "none", *QUICK], 6, "widen"),
    (["claims", "debulking-oldr"], 3, "debulking-older"),
    (["claims", "debulking-older", "--patients", "0"], 2, "at least one"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_a_code_and_a_cure(capsys, arguments, code, said):
    got, out, err = run(capsys, *arguments)
    assert got == code, err
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert "fix:" in err


def test_a_place_that_cannot_be_written_is_found_out_before_the_work(capsys, tmp_path, monkeypatch):
    def work(*_, **__):
        raise AssertionError("the work had begun")

    for name in ("compare", "position", "run_claims"):
        monkeypatch.setattr(remission.decide, name, work)
    (tmp_path / "file").write_text("")
    compare = ["compare", "s1318", "a041703", "--population", "s1318"]
    for verb in (compare, ["position", "--population", "s1318"], ["claims"]):
        code, _, err = run(capsys, *verb, "--out", str(tmp_path / "file" / "below"))
        assert code == 7, err


def test_compare_prints_one_object_and_writes_its_page(capsys, tmp_path):
    code, out, _ = run(
        capsys,
        "compare",
        "s1318",
        "like s1318, but remove consolidation-3",
        "--population",
        "s1318",
        "--endpoint",
        "OS@24mo",
        *QUICK,
        "--seed",
        "3",
        "--json",
        "--out",
        str(tmp_path),
    )
    assert code == 0
    found = json.loads(out)
    assert found["comparisons"][0]["endpoint"] == "OS"
    assert found["arms"][1]["regimen"] == "s1318-edited"
    assert found["seed"] == 3
    assert "not for decisions about a patient" in found["notice"]
    assert found["provenance"]["command"].startswith("remission compare s1318 'like s1318, but")
    written = json.loads((tmp_path / "compare.json").read_text())
    assert written["comparisons"] == found["comparisons"]
    assert "not for decisions about a patient" in (tmp_path / "compare.html").read_text()


def test_compare_says_its_answer_in_words(capsys):
    code, out, _ = run(capsys, "compare", "s1318", "a041703", "--population", "s1318", *QUICK)
    assert code == 0
    assert "better with probability" in out
    assert out.rstrip().endswith("Research software: not for decisions about a patient.")


def test_position_answers_and_writes_its_page(capsys, tmp_path):
    limits = ["--max-cycles", "1", "--max-chemotherapy", "none", "--max-loss", "0.5"]
    code, out, err = run(
        capsys, "position", "--population", "a041703", *limits, *QUICK, "--json", "--out", str(tmp_path)
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["limits"]["max_cycles"] == 1
    assert all(row["placement"]["cycles"] <= 1 for row in found["placements"] if row["placement"])
    assert "--max-cycles 1" in found["provenance"]["command"]
    assert (tmp_path / "position.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "position.json").read_text())["front"] == found["front"]


def test_claims_are_listed_tested_and_written(capsys, tmp_path):
    code, out, _ = run(capsys, "claims", "--list", "--json")
    assert code == 0
    assert len(json.loads(out)) >= 18
    code, out, _ = run(
        capsys, "claims", "seven-or-fourteen-days", "severe-neurotoxicity-range", *QUICK, "--out", str(tmp_path)
    )
    assert code == 0
    assert "2 statements" in out
    assert "assumed" in out
    assert len(json.loads((tmp_path / "claims.json").read_text())["claims"]) == 2
    assert "Severe neurotoxicity" in (tmp_path / "claims.html").read_text()

"""Does the main job do what it says, and fail as it should?"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

REMISSION = [sys.executable, "-m", "remission.cli"]
SMALL = ["--draws", "6", "--patients", "60", "--trial", "a041703"]


def run(*arguments, timeout=300, **options):
    return subprocess.run(
        [*REMISSION, *arguments], capture_output=True, text=True, timeout=timeout, check=False, **options
    )


def without_times(text):
    data = json.loads(text)
    data["provenance"].pop("created")
    data["provenance"].pop("seconds")
    return json.dumps(data)


def test_same_seed_same_bytes_whatever_the_threads(tmp_path):
    texts, pages = [], []
    for name, threads in (("a", "1"), ("b", "2")):
        result = run("review", *SMALL, "--out", str(tmp_path / name), "--seed", "5", "--threads", threads)
        assert result.returncode == 0, result.stderr
        texts.append(without_times((tmp_path / name / "review.json").read_text()))
        pages.append((tmp_path / name / "review.html").read_text())
    assert texts[0] == texts[1]
    assert len(pages[0].splitlines()) == len(pages[1].splitlines())
    different = [a for a, b in zip(pages[0].splitlines(), pages[1].splitlines(), strict=True) if a != b]
    assert len(different) <= 2, different  # the time and duration of the run


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    result = run("review", *SMALL, "--out", str(out), "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), out


KEYS = {
    "trial",
    "arm",
    "endpoint",
    "months",
    "where",
    "n_enrolled",
    "median",
    "lo90",
    "hi90",
    "expected",
    "draws",
    "seed",
    "posterior",
    "catalog",
    "published",
    "published_n",
    "role",
    "source",
    "covered90",
}


def test_rows_have_the_promised_keys(answer):
    printed, out = answer
    written = json.loads((out / "review.json").read_text())
    assert printed["rows"] == written["rows"]
    for row in printed["rows"]:
        assert set(row) >= KEYS
        assert 0 <= row["lo90"] <= row["median"] <= row["hi90"] <= 1
        if row["published"] is not None:
            inside = row["lo90"] - 0.005 <= row["published"] <= row["hi90"] + 0.005
            assert row["covered90"] == inside
    held = [row for row in printed["rows"] if row["published"] is not None]
    assert printed["summary"]["n"] == len(held)
    assert printed["summary"]["covered90"] == sum(row["covered90"] for row in held)


def test_the_page_stands_alone_and_says_what_it_is(answer):
    page = (answer[1] / "review.html").read_text()
    assert "not for decisions about a patient" in page
    for asset in ('src="http', "src='http", '<link rel="stylesheet"', "@import", "<script src"):
        assert asset not in page


def test_stdout_is_the_answer_and_stderr_the_talk(tmp_path):
    result = run("review", *SMALL, "--out", str(tmp_path))
    assert "Published" in result.stdout
    assert "review:" not in result.stdout
    assert "review:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["review", "--trial", "e1901"], 3, ["unknown id 'e1901'", "why:", "near: e1910", "fix:"]),
        (["review", "--trial", "../../etc/passwd"], 3, ["unknown id", "fix:"]),
        (["review", "--patients", "0"], 2, ["0 patients", "why:", "near: 1", "fix:"]),
        (["review", "--draws", "-3"], 2, ["-3 draws", "fix:"]),
        (["review", "--seed", "-1"], 2, ["--seed"]),
        (["revue"], 2, ["unknown command 'revue'", "near: review"]),
        (["review", "--patient", "3"], 2, ["--patient"]),
        (["review", "--out", "/dev/null/results"], 7, ["cannot write", "why:", "fix:"]),
        (["compare", "s1318", "a041704", "--population", "s1318"], 3, ["unknown id 'a041704'", "near: a041703"]),
        (["compare", "s1318", "a041703", "--population", "s1318", "--endpoint", "PFS@36mo"], 2, ["near: EFS@36mo"]),
        (["compare", "s1318", "--population", "s1318", "--draws", "2", "--patients", "10"], 2, ["cannot be compared"]),
    ],
)
def test_errors_have_five_parts_and_their_own_exit_code(arguments, code, parts, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    for part in parts:
        assert part in result.stderr
    assert "Traceback" not in result.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    result = run("review", *SMALL, "--out", str(tmp_path / "out"))
    assert result.returncode == 7
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_and_says_so(tmp_path, number):
    process = subprocess.Popen(
        [*REMISSION, "review", "--out", str(tmp_path / "out"), "--draws", "2000", "--patients", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first line of progress: the simulation runs
    time.sleep(0.5)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list((tmp_path / "out").rglob("*")) == []


def test_an_interrupted_run_keeps_the_old_results(tmp_path):
    from remission.base import files
    from remission.base.errors import CannotWrite

    files.write_directory(tmp_path, {"review.json": "old", "review.html": "old"})
    with pytest.raises(CannotWrite):
        files.write_directory(tmp_path, {"review.json": "new", "no/such/place": "new"})
    assert (tmp_path / "review.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["review.html", "review.json"]


def test_compare_is_paired(tmp_path):
    result = run(
        "compare",
        "e1910-blinatumomab",
        "e1910-chemotherapy",
        "--population",
        "e1910",
        "--endpoint",
        "OS@36mo",
        "--draws",
        "20",
        "--patients",
        "200",
        "--json",
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    pair = found["comparisons"][0]
    assert {"a", "b", "endpoint", "difference", "probability_better"} <= set(pair)
    assert pair["difference"]["lo90"] <= pair["difference"]["median"] <= pair["difference"]["hi90"]
    assert "not for decisions about a patient" in found["notice"]


def test_help_starts_without_the_heavy_libraries():
    code = (
        "import sys, remission.cli; remission.cli.main(['--help']); "
        "print(sorted({'numba', 'scipy', 'matplotlib', 'yaml'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    result = run("review", "--draws", "prior:12", "--patients", "30", "--seed", "7", "--out", str(out))
    assert result.returncode == 0, result.stderr
    return result.stdout, json.loads((out / "review.json").read_text()), (out / "review.html").read_text(), out


def test_the_review_ends_with_the_answer(whole):
    told, data, page, _ = whole
    assert len(data["answer"]) == 8
    for item in data["answer"]:
        assert item["posterior"] == "prior"
        assert sum(row["probability_best"] for row in item["ranking"]) == pytest.approx(1.0, abs=0.002)
        assert item["paragraph"]
        assert item["population"] in told
        assert item["command"] in page
    end = told[told.index("Where should blinatumomab go?") :]
    assert "priors" in end
    assert " ".join(end.split()).count("remission position --population") == 1
    assert page.index('id="forecast"') < page.index('id="claims"') < page.index('id="answer"') < page.index('id="limits"')
    assert "priors" in page[page.index('id="answer"') :]


def test_statements_and_tensions_are_part_of_it(whole):
    _, data, page, _ = whole
    counts = data["claims"]["summary"]
    assert counts["n"] == len(data["claims"]["claims"])
    assert counts["supported"] + counts["contradicted"] + counts["cannot tell"] == counts["n"]
    assert data["claims"]["draws"] == 12
    assert len(data["tensions"]) >= 4
    for row in data["tensions"]:
        assert row["lo90"] <= row["median"] <= row["hi90"]
        assert not row["source"] or row["source"] in data["sources"]
        assert row["about"][1:] in page.replace("&#39;", "'")


def test_the_model_card_is_a_page_of_its_own_that_says_what_is_not_known(whole):
    _, _, page, out = whole
    assert 'href="model-card.html"' in page
    card = (out / "model-card.html").read_text()
    assert "is not known: they are the priors" in " ".join(card.split())
    assert "Known tensions" in card
    assert "None" not in card.replace("None of", "")
    for asset in ('src="http', "src='http", '<link rel="stylesheet"', "@import", "<script"):
        assert asset not in card


def test_forecasts_are_for_as_many_patients_as_are_planned(whole):
    _, data, _, _ = whole
    rows = [row for row in data["forecast"]["rows"] if row["trial"] == "golden-gate" and row["endpoint"] == "OS"]
    assert {row["arm"]: row["n_enrolled"] for row in rows} == {"blinatumomab": 152, "chemotherapy": 152}
    assert {row["n_analysed"] for row in rows} == {152}


def test_one_trial_alone_has_no_answer(answer):
    _, out = answer
    data = json.loads((out / "review.json").read_text())
    assert "answer" not in data
    assert 'id="answer"' not in (out / "review.html").read_text()


def test_the_page_says_what_the_model_had_seen() -> None:
    from remission.report.words import how_predicted

    def said(**rows: tuple[str, bool]) -> str:
        return how_predicted([{"trial": t, "posterior": p, "unseen": unseen} for t, (p, unseen) in rows.items()])

    assert "Nothing was fitted" in said(a=("prior", False))
    assert said(a=("without a", True), b=("without b", True)).endswith("without its own results.")
    assert "how well the model fits them" in said(a=("2026.1", False))
    mixed = said(a=("without a", True), b=("2026.1", False))
    assert "but for b" in mixed
    assert "how well the model fits them" in mixed

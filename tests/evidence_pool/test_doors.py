"""Do the commands answer, draw the same picture twice, and mark what is disputed?"""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from remission.evidence import PoolQuestion, pool_results
from remission.report import draw_forest, render_forest, render_pool

EVIDENCE = [sys.executable, "-m", "remission.cli", "evidence"]


def run(*arguments):
    return subprocess.run([*EVIDENCE, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module", params=["MRD-", "OS"])
def pooled(request):
    return pool_results(PoolQuestion(request.param))


def test_json_has_the_promised_keys():
    done = run("pool", "--endpoint", "MRD-", "--at", "cycle-1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) >= {
        "endpoint", "kind", "at", "months", "window", "method", "interval", "level", "scale", "k", "n", "events", "estimate", "lo",
        "hi", "prediction_lo", "prediction_hi", "tau2", "tau2_lo", "tau2_hi", "i2", "q", "q_df", "q_p", "studies", "left_out", "notes",
        "sources", "notice",
    }
    assert {"trial", "arm", "events", "n", "value", "lo95", "hi95", "weight", "disputed", "source", "number"} <= set(found["studies"][0])
    assert {s["assessment"] for s in found["studies"]} == {"cycle-1"}


def test_text_says_what_was_left_out_and_cites():
    done = run("pool", "--endpoint", "OS", "--at", "36")
    assert done.returncode == 0, done.stderr
    for words in ("Overall survival (OS) at 36 months", "Left out, and why", "Sources", "[1]", "window ± 6 months", "not within 6 months",
                  "an assumption", "Research software: not for decisions about a patient."):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["pool", "--endpoint", "MRD"], 2), (["pool", "--endpoint", "OS", "--trial", "nobody"], 3),
     (["pool", "--endpoint", "OS", "--where", "age > 98"], 6), (["forest", "--endpoint", "OS", "--out", "x.pdf"], 2),
     (["forest", "--endpoint", "OS", "--out", "/dev/null/x.svg"], 7)],
)
def test_errors_have_five_parts_and_a_code(arguments, code):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr


def test_forest_writes_svg_and_html(tmp_path):
    for name in ("a.svg", "b.svg", "c.html"):
        done = run("forest", "--endpoint", "CR", "--out", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.fromstring((tmp_path / "a.svg").read_text()).tag.endswith("svg")
    assert "<script" not in (tmp_path / "c.html").read_text()


def test_the_picture_names_marks_and_cites(pooled):
    picture = draw_forest(pooled)
    assert picture == draw_forest(pooled)
    text = " ".join(ElementTree.fromstring(picture).itertext())
    for study in pooled["studies"]:
        assert f"{study['trial']}" in text
        assert (f"[{study['number']}]†" in text) or not study["disputed"]
    assert any(study["disputed"] for study in pooled["studies"])
    assert "Prediction" in text
    assert "[1] " in text
    assert "not for decisions about a patient" in text
    assert "http" not in picture.replace("http://www.w3.org", "")


def test_weights_and_intervals_are_drawn_in_the_page(pooled):
    page = render_forest(pooled)
    assert page == render_forest(pooled)
    for group in ("Studies", "Notes", "Left out, and why", "Sources"):
        assert f"<h2>{group}</h2>" in page
    assert all(item["trial"] in page for item in pooled["left_out"])


@pytest.mark.parametrize(("trial", "k"), [(("s1318",), 1), (("golden-gate", "all08"), 2)])
def test_one_study_and_only_events_can_be_shown(trial, k):
    found = pool_results(PoolQuestion("CR", trials=trial))
    assert found["k"] == k
    assert found["tau2"] is None
    for text in (draw_forest(found), render_forest(found), render_pool(found)):
        assert "Prediction" not in text
        assert not re.search(r"\bnan\b", text, re.IGNORECASE)

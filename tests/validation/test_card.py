"""Does the model card find the validation kept with a posterior, and say what is not known or no longer holds?"""

import json
from types import SimpleNamespace

import pytest
from tests.validation.test_pages import card as sample

from remission.base.errors import CannotWrite, InvalidFile
from remission.engine import load_draws
from remission.inference.validation import card, card_contents, keep_validation, kept_validation
from remission.report.model_card import render_model_card, standing

RESULT = sample()["validation"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("remission.inference.validation.card.posterior_folder", lambda name: tmp_path)
    monkeypatch.setattr("remission.inference.validation.card.read_manifest", lambda place: SimpleNamespace(summary={"rhat": 1.0}))
    return tmp_path


def test_the_priors_have_none():
    assert kept_validation("prior") == (None, {})


def test_a_posterior_without_one_says_so(folder):
    assert kept_validation("2099.1") == (None, {"rhat": 1.0})


def test_what_is_kept_is_found_again(folder):
    keep_validation(RESULT, folder)
    found, summary = kept_validation("2099.1")
    assert found == json.loads(json.dumps(RESULT))
    assert summary == {"rhat": 1.0}
    contents = card_contents(found, load_draws("prior", 20, 1), diagnostics=summary)
    assert str(RESULT["summary"]["n"]) in standing(contents)
    assert "Largest misses" in render_model_card(contents)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"summary": {}}', "null", "\x00"])
def test_a_spoiled_file_is_refused(folder, text):
    (folder / card.FILE).write_text(text)
    with pytest.raises(InvalidFile, match="cannot be read"):
        kept_validation("2099.1")


def test_it_needs_a_folder(tmp_path):
    with pytest.raises(CannotWrite):
        keep_validation(RESULT, tmp_path / "none")


def test_a_card_without_validation_says_why(folder):
    p = load_draws("prior", 20, 1)
    assert "they are the priors" in standing(card_contents(None, p))
    released = {**card_contents(None, p), "draws": "2099.1"}
    assert "2099.1 was released without a validation" in standing(released)
    page = render_model_card(released)
    assert "remission validate" in page
    assert "Largest misses" not in page


def test_a_validation_of_another_catalog_says_so():
    p = load_draws("prior", 20, 1)
    now = card_contents(RESULT, p)["catalog_hash"]
    same = {**RESULT, "provenance": {**RESULT["provenance"], "catalog_hash": now}}
    assert "has changed" not in standing(card_contents(same, p))
    assert "has changed" in standing(card_contents(RESULT, p))

"""Are the files behind decisions checked, listed and shown like the rest of the catalog?"""

import json
import re

import pytest

from remission import cli
from remission.base import catalog


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    told = capsys.readouterr()
    return code, told.out, told.err


BROKEN = [
    ("claims.yaml", "population: older-ph-negative", "population: older-ph-negativ", "unknown population 'older-ph-negativ'",
     "older-ph-negative"),
    ("claims.yaml", "parameter: crs_burden", "parameter: crs_burdens", "unknown parameter 'crs_burdens'", "crs_burden"),
    ("claims.yaml", "ref: pourhassan-2023", "ref: pourhassan-2032", "unknown source 'pourhassan-2032'", "pourhassan-2023"),
    ("claims.yaml", "a: a041703", "a: a041730", "a041730", "a041703"),
    ("claims.yaml", "a: {first: inotuzumab}", "a: {first: inotuzumap}", "inotuzumap", "inotuzumab"),
    ("claims.yaml", "- id: mrd-response-by-level", "- id: debulking-older", "stands twice", ""),
    ("claims.yaml", "measure: CRS3+", "measure: CRS4+", "CRS4+", "CRS3+"),
    ("placements.yaml", "block: mini-hyper-cvd-a,", "block: mini-hyper-cvd-x,", "unknown block 'mini-hyper-cvd-x'", "mini-hyper-cvd-"),
    ("placements.yaml", "regimen: d-alba, phase: prephase", "regimen: d-alba, phase: prephases", "no phase 'prephases'", "prephase"),
    ("placements.yaml", "courses: [0, 2, 4]", "courses: [0, 2, 2]", "names a choice twice", ""),
    ("placements.yaml", "  growth: how fast", "  growing: how fast", "no group of parameters is called 'growing'", "growth"),
    ("ranking.yaml", "{older-ph-negative: older", "{older-ph-negativ: older", "unknown population 'older-ph-negativ'", "older-ph-negative"),
    ("ranking.yaml", "{ph-positive-younger: younger", "{younger-high-risk: younger", "asked about twice", ""),
    ("ranking.yaml", "first: inotuzumab,", "first: inotuzumap,", "inotuzumap", "inotuzumab"),
    ("ranking.yaml", "endpoint: EFS@36mo", "endpoint: PFS@36mo", "PFS@36mo", "EFS@36mo"),
    ("burden.yaml", "reduced induction, first: 7, later: 4", "reduced induction, first: 7, later: 9", "longer in hospital", ""),
    ("burden.yaml", "weight: 75 kg", "weight: 750 kg", "weight of 750 kg", ""),
    ("burden.yaml", "first: 21,", "first: -21,", "hospital", ""),
]


@pytest.mark.parametrize(("name", "good", "bad", "said", "near"), BROKEN, ids=[f"{row[0]}:{row[2][:28]}" for row in BROKEN])
def test_an_error_is_found_with_its_line(capsys, tmp_path, name, good, bad, said, near):
    text = (catalog.root() / name).read_text(encoding="utf-8")
    assert good in text
    place = tmp_path / name
    place.write_text(text.replace(good, bad, 1), encoding="utf-8")
    code, out, err = run(capsys, "check", "--json", str(place))
    assert code == 4, err
    found = [item for item in json.loads(out)["findings"] if said in item["cause"]]
    assert found, out
    line = text[: text.index(good)].count("\n") + 1
    assert any(abs(item["line"] - line) <= 12 for item in found), (found, line)
    assert any(near in item["near"] for item in found)
    assert all(item["cure"] for item in found)


@pytest.mark.parametrize("name", ["claims.yaml", "placements.yaml", "ranking.yaml", "burden.yaml"])
def test_what_is_shipped_has_no_error(capsys, name):
    code, out, _ = run(capsys, "check", "--json", str(catalog.root() / name))
    assert code == 0
    assert json.loads(out)["findings"] == []


def test_claims_are_listed_and_shown(capsys):
    code, out, _ = run(capsys, "list", "claims", "--json")
    rows = json.loads(out)
    assert code == 0
    assert len({row["id"] for row in rows}) == len(rows) > 10
    for row in (rows[0], rows[-1]):
        code, text, _ = run(capsys, "show", row["id"])
        assert code == 0
        assert row["title"] in text
        assert f"remission claims {row['id']}" in text
        assert len(re.findall(r"^   \d+\. ", text, re.MULTILINE)) == row["parts"]
    code, out, _ = run(capsys, "show", rows[0]["id"], "--json")
    assert json.loads(out)["kind"] == "claim"
    code, _, err = run(capsys, "show", rows[0]["id"] + "x")
    assert code == 3
    assert rows[0]["id"] in err

"""A population in words: one line for each thing its file says, with what that rests on."""

from __future__ import annotations

from collections.abc import Iterator

from remission.patients.population import Ages, Population
from remission.patients.reference import FILE, Stated

_PH = {"negative": "negative", "positive": "positive", "any": "negative or positive"}
_OF = {"all": "of all patients", "reference": f"of patients with neither BCR::ABL1 nor KMT2A, the others by the factors of catalog/{FILE}"}
_AMONG = "among BCR::ABL1-negative patients"
_SHARES = {"ph": "BCR::ABL1", "ph_like": f"Ph-like, {_AMONG}", "kmt2a": f"KMT2A rearrangement, {_AMONG}",
           "hypodiploid": f"Low hypodiploidy, near-triploidy or complex karyotype, {_AMONG}",
           "ikzf1": "IKZF1 deletion, alone or plus", "ikzf1_plus": "IKZF1plus"}


def in_words(population: Population) -> Iterator[tuple[str, Stated | None]]:
    """Lines about a population, each with the value whose source or assumption belongs to it (None: the file's own source)."""
    who = population
    if who.selects is not None:
        yield f"Selected: {who.selects.says}", who.selects
        if who.selects.left_out:
            yield f"Not simulated: {who.selects.left_out}", None
    yield f"Age: median {who.age.median}, {who.age.range[0]} to {who.age.range[1]}; {_ages(who.age)}", who.age
    yield f"Men: {who.male.value}", who.male
    yield f"BCR::ABL1: {_PH[who.ph]}", None
    yield f"White cells: median {who.wbc.median} {_OF[who.wbc.of]}, lognormal with ln SD {who.wbc.log_spread:g}", who.wbc
    yield f"Marrow blasts: median {who.blasts.median}, logit-normal with logit SD {who.blasts.logit_spread:g}", who.blasts
    yield f"CD22: median {who.cd22.median}, {who.cd22.range[0]} to {who.cd22.range[1]}", who.cd22
    yield f"CD20 on at least 20 % of blasts: {who.cd20.value}", who.cd20
    yield "Disease: " + ("relapsed" if who.relapsed else "newly diagnosed"), None
    for name, share in who.genetics.stated().items():
        yield f"{_SHARES[name]}: {share.value}", share
    if who.require is not None:
        yield f"Required: {who.require}", None
    yield f"{'Other genetic' if who.genetics.stated() else 'Genetic'} lesions: the shares by age of catalog/{FILE}", None


def _ages(age: Ages) -> str:
    if age.quartiles is not None:
        return f"quartiles {age.quartiles[0]} and {age.quartiles[1]}, evenly spread between them"
    if age.bands is not None:
        return "by bands: " + ", ".join(f"{share} from {start}" for start, share in age.bands)
    return "normal, its SD a quarter of the range, truncated to it"

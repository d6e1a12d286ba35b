"""The review's answer in words: for each population the ranking of placements, what it rests on and what would overturn it.

Plain data in (what `remission.decide.rank` computes), text out, for the terminal and the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remission.report import words
from remission.report.compare_parts import chance, points

Data = Mapping[str, Any]
OPEN = 0.6  # a first placement less likely to be best than this leaves the question open
CERTAIN = 0.9
NAMED, TURNED = 3, 2


def endpoint_words(name: str) -> str:
    """'event-free survival at 36 months' for EFS@36mo."""
    kind, _, time = name.partition("@")
    return f"{words.ENDPOINTS.get(kind, kind)} at {time.removesuffix('mo')} months" if time else kind


def paragraph(answer: Sequence[Data]) -> str:
    """The whole answer in one paragraph: who comes first where, how sure, what it rests on, what would overturn it."""
    if not answer:
        return ""
    told = [_firsts(answer), _open(answer), _without(answer), _rests_on(answer), _overturned(answer), _basis(answer)]
    return " ".join(sentence for sentence in told if sentence)


def _firsts(answer: Sequence[Data]) -> str:
    grouped: dict[str, list[Data]] = {}
    for item in answer:
        grouped.setdefault(item["ranking"][0]["label"], []).append(item)
    said = [f"{join([_sure(item) for item in items])}: {label}" for label, items in grouped.items()]
    return f"First by expected {endpoint_words(str(answer[0]['endpoint']))} (probability of being the best): in {'; in '.join(said)}."


def _sure(item: Data) -> str:
    return f"{item['name']} ({chance(item['ranking'][0]['probability_best'])})"


def _open(answer: Sequence[Data]) -> str:
    said = [item["name"] for item in answer if item["ranking"][0]["probability_best"] < OPEN]
    return f"The first place is open in {join(said)}: there the first is best with a probability below {OPEN:g}." if said else ""


def _without(answer: Sequence[Data]) -> str:
    """How sure it is that blinatumomab belongs in at all."""
    none = [item["name"] for item in answer if item["without"] is None]
    held = [item for item in answer if item["without"] is not None]
    said = ""
    if held:
        least = min(float(item["without"]["probability"]) for item in held)
        unsure = [item["name"] for item in held if item["without"]["probability"] < CERTAIN]
        said = f"That the first is ahead of the best placement without blinatumomab has a probability of {_at_least(least)}"
        said += f"; unsure in {join(unsure)}." if unsure else (" everywhere." if not none else ".")
    if none:
        said += f" In {join(none)} the first has no blinatumomab."
    return said.strip()


def _at_least(value: float) -> str:
    shown = chance(value)
    return shown if shown.startswith("above") else f"{shown} or more"


def _rests_on(answer: Sequence[Data]) -> str:
    """Groups of parameters that would change the choice, by the number of populations and by their value."""
    worth: dict[str, tuple[int, float, str]] = {}
    for item in answer:
        for group in item["information"]["groups"]:
            if group["told"]:
                count, total, study = worth.get(group["group"], (0, 0.0, str(group["study"])))
                worth[group["group"]] = (count + 1, total + float(group["evppi"]), study)
    if not worth:
        return "No group of parameters stands out as what the order rests on."
    ranked = sorted(worth.items(), key=lambda pair: -pair[1][1])[:NAMED]
    said = [f"{group} ({count} of {len(answer)} populations)" for group, (count, _, _) in ranked]
    study = ranked[0][1][2]
    learned = f"; most would be learned from {study}." if study else "."
    return f"The order rests most on these groups of parameters: {join(said)}{learned}"


def _overturned(answer: Sequence[Data]) -> str:
    found = sorted(((row, item) for item in answer for row in item["overturn"]), key=lambda pair: -float(pair[0]["gain"]))
    if not found:
        return "No single parameter, in the lower or upper third of its range, puts another placement first."
    said: list[str] = []
    seen: set[str] = set()
    for row, item in found:
        if item["population"] not in seen and len(said) < TURNED:
            seen.add(item["population"])
            said.append(f"in {item['name']}, {_if(row)}, by {100 * row['gain']:.1f} points")
    return f"It would be overturned: {'; '.join(said)}."


def _if(row: Data) -> str:
    """'for X if the parameter is low', with the parameter in words."""
    size = {"lower": "low", "upper": "high"}[row["third"]]
    return f"in favour of '{row['label']}', if '{row['about'] or row['parameter']}' ({row['parameter']}, {row['group']}) is {size}"


def _basis(answer: Sequence[Data]) -> str:
    first = answer[0]
    from_ = ("from the priors, fitted to nothing" if first["prior"] else f"of the posterior {first['posterior']}")
    return (f"All this is what a model says of virtual patients ({first['patients']} in each of {first['draws']} parameter draws "
            f"{from_}) and of these short lists; toxicity and days in care stand beside the ranking and do not enter it.")


def of_population(item: Data) -> str:
    """The paragraph of one population."""
    first, second = item["ranking"][:2]
    name = endpoint_words(str(item["endpoint"]))
    found = first["measures"][str(item["endpoint"]).partition("@")[0]]
    near = first["nearest"]
    said = [f"First: {first['label']} (expected {name} {words.percent(first['expected'])}, 90{words.THIN}% interval "
            f"{words.percent_range(found['lo90'], found['hi90'])}; best with a probability of {chance(first['probability_best'])}).",
            f"It leads the second, {second['label']}, by {_gain(item['lead'])}, and is ahead of it with a probability of "
            f"{chance(item['lead']['probability'])}."]
    if item["without"]:
        said.append(f"It leads the best without blinatumomab, {item['without']['label']}, by {_gain(item['without'])}.")
    steps = "; ".join(near["changes"])
    said.append(f"The nearest published regimen is {near['title']} ({near['regimen']})"
                + (f"; from it to the placement: {steps}." if steps else ", with the same features."))
    groups = [group for group in item["information"]["groups"] if group["told"]][:NAMED]
    most = ", most of it from " + join([f"{group['group']} ({100 * group['evppi']:.1f})" for group in groups]) if groups else ""
    said.append(f"Knowing every parameter would be worth {100 * float(item['information']['evpi']):.1f} points{most}.")
    rows = item["overturn"][:2]
    said += [f"It would be overturned {_if(row)}, by {100 * row['gain']:.1f} points." for row in rows]
    return " ".join(said)


def _gain(lead: Data) -> str:
    """A lead with its interval, in points."""
    return f"{points(lead['median']).lstrip('+')} points ({points(lead['lo90'])} to {points(lead['hi90'])})"


def join(items: Sequence[str]) -> str:
    """'a, b and c'."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)

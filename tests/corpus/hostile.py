"""Inputs of up to 1 MiB that mean harm: bombs, depth, length, and regimens as large as the language allows, or larger.

    python -m tests.corpus.hostile NAME…      read each in a process of its own; one JSON line each: name, MiB, seconds, answer
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable

MIB = 2**20
LIMIT_MIB = 256
HEAD = "id: x\ntitle: t\nsummary: s\nph: any\n"
INPUTS: dict[str, Callable[[], str | bytes]] = {}


def hostile(make: Callable[[], str | bytes]) -> Callable[[], str | bytes]:
    INPUTS[make.__name__.replace("_", "-")] = make
    return make


def fill(unit: str, head: str = "", size: int = MIB) -> str:
    """`unit` repeated until the text has about `size` bytes."""
    return head + unit * ((size - len(head.encode())) // len(unit.encode()))


def some(lines: Iterable[str], head: str = "", tail: str = "") -> str:
    """As many of the lines as fit into 1 MiB."""
    size, kept = len(head) + len(tail), []
    for line in lines:
        size += len(line)
        if size > MIB:
            break
        kept.append(line)
    return head + "".join(kept) + tail


def words(count: int) -> str:
    """A condition of `count` comparisons, each of another value."""
    names = ("age", "wbc", "cd20", "cd22", "marrow_blasts")
    return " or ".join(f"{names[k % len(names)]} < {k}" for k in range(count))


# --- YAML
@hostile
def alias_bomb() -> str:
    return "a0: &a0 [x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 4000))


@hostile
def anchors() -> str:
    return some(f"a{k}: &a{k} x\n" for k in range(100_000))


@hostile
def open_brackets() -> str:
    return fill("[")


@hostile
def open_braces() -> str:
    return fill("{a: ")


@hostile
def open_braces_without_keys() -> str:
    return fill("{")


@hostile
def as_deep_as_is_read_and_wide() -> str:
    return some(f"k{k}: {'{a: ' * 20}{k}{'}' * 20}\n" for k in range(2_300))


@hostile
def nested_dashes() -> str:
    return fill("- ")


@hostile
def nested_question_marks() -> str:
    return fill("? ")


@hostile
def nested_by_indentation() -> str:
    return some(" " * k + "a:\n" for k in range(2000))


@hostile
def lists_at_the_deepest_level() -> str:
    return some(f"k{k}: {'[' * 22}{k}{']' * 22}\n" for k in range(100_000))


@hostile
def tags() -> str:
    return fill("!a ")


@hostile
def tag_with_a_long_name() -> str:
    return fill("a", "id: !")


@hostile
def documents() -> str:
    return fill("---\na\n")


@hostile
def directives() -> str:
    return some(f"%TAG !{k:x}! b\n" for k in range(100_000))


@hostile
def long_plain_value() -> str:
    return fill("x", "id: ")


@hostile
def long_quoted_value() -> str:
    return fill("\\x41", 'id: "', MIB - 1) + '"'


@hostile
def long_literal_value() -> str:
    return fill("  line\n", "id: |\n")


@hostile
def long_key() -> str:
    return fill("k", size=MIB - 4) + ": x"


@hostile
def long_comment() -> str:
    return fill("x", "# ")


@hostile
def many_comments() -> str:
    return fill("# x\n")


@hostile
def blank_lines() -> str:
    return fill("\n")


@hostile
def blanks() -> str:
    return fill(" ", "a: ")


@hostile
def tabs() -> str:
    return fill("\t")


@hostile
def quote_never_closed() -> str:
    return fill("\n", 'id: "')


@hostile
def control_characters() -> bytes:
    return b"id: " + b"\x00" * (MIB - 4)


@hostile
def broken_utf_8_at_the_end() -> bytes:
    return b"\n" * (MIB - 1) + b"\xff"


@hostile
def four_byte_letters() -> str:
    return fill("𝛂", "id: ")


@hostile
def one_byte_too_many() -> str:
    return "x" * (MIB + 1)


@hostile
def many_keys() -> str:
    return some(f"k{k}: v\n" for k in range(100_000))


@hostile
def as_many_keys_as_are_read() -> str:
    return HEAD + "".join(f"unknown-{k}: v\n" for k in range(49_990))


@hostile
def as_many_wrong_values_as_are_read() -> str:
    give = "{drug: A, dose: x, route: y, days: z, cap: q, per_day: 0, over: 1, only: '?'}"
    return some((f"- {{id: p{k}, length: 1 d, give: [{', '.join([give] * 28)}]}}\n" for k in range(200)), HEAD + "phases:\n")


@hostile
def many_keys_in_one_phase() -> str:
    return some((f"    k{k}: 1\n" for k in range(100_000)), HEAD + "phases:\n  - id: a\n    length: 1 d\n")


@hostile
def one_key_many_times() -> str:
    return fill("k: v\n")


@hostile
def many_items() -> str:
    return fill("- a\n")


@hostile
def many_empty_items() -> str:
    return HEAD + fill("{},", "phases: [", MIB - len(HEAD) - 2) + "]"


# --- regimens
@hostile
def many_phases() -> str:
    return some((f"- {{id: p{k}, length: 1 d}}\n" for k in range(19_000)), HEAD + "phases:\n")


@hostile
def phases_that_all_repeat() -> str:
    give = "{drug: vincristine, dose: 1.4 mg/m2, route: iv, days: 1-3700}"
    return HEAD + "phases:\n" + "".join(f"- {{id: p{k}, length: 3700 d, repeat: 60, give: [{give}]}}\n" for k in range(200))


@hostile
def phases_without_anything() -> str:
    return some(("- {}\n" for _ in range(100_000)), HEAD + "phases:\n")


@hostile
def gives_without_anything() -> str:
    return HEAD + "phases:\n" + "".join(f"- {{id: p{k}, length: 1 d, give: [{', '.join(['{}'] * 30)}]}}\n" for k in range(200))


@hostile
def gives_on_every_day() -> str:
    gives = [f"  - {{drug: vincristine, dose: 1.4 mg/m2, route: iv, days: {n % 50 + 1}-{3700 - n // 50}}}\n" for n in range(30)]
    return HEAD + "phases:\n" + "".join(f"- id: p{k}\n  length: 3700 d\n  give:\n" + "".join(gives) for k in range(200))


@hostile
def gives_of_different_days_up_to_the_limit() -> str:
    gives = "".join(f"  - {{drug: vincristine, dose: 1.4 mg/m2, route: iv, days: {n + 1}-{n + 246}}}\n" for n in range(30))
    return HEAD + "phases:\n" + "".join(f"- id: p{k}\n  length: 3700 d\n  give:\n{gives}" for k in range(200))


@hostile
def days_listed_over_and_over() -> str:
    return HEAD + fill("1-3700,", "phases: [{id: a, length: 1 d, give: [{drug: vincristine, dose: 2 mg, route: iv, days: [",
                       MIB - 100) + "1]}]}]"


@hostile
def days_in_one_long_text() -> str:
    text = ",".join(f"{k}" for k in range(1, 3700))
    return some((f"  - {{drug: vincristine, dose: 2 mg, route: iv, days: '{text}'}}\n" for _ in range(30)),
                HEAD + "phases:\n- id: a\n  length: 9 y\n  give:\n")


@hostile
def notes_without_end() -> str:
    return some(("- {about: a, text: b}\n" for _ in range(30_000)), HEAD + "notes:\n", "phases: [{id: a, length: 1 d}]\n")


@hostile
def numbers_of_many_digits() -> str:
    return some((f"- {{id: p, length: {'9' * 10_000} d, repeat: {'9' * 9_000}}}\n" for _ in range(60)), HEAD + "phases:\n")


@hostile
def quantities_of_many_spaces() -> str:
    return some((f"- {{id: p{k}, length: '1{' ' * 15_000}x'}}\n" for k in range(60)), HEAD + "phases:\n")


@hostile
def ids_of_many_letters() -> str:
    return some((f"- {{id: {'a' * 19_000}, length: 1 d}}\n" for _ in range(60)), HEAD + "phases:\n")


# --- conditions
def only(condition: str) -> str:
    return HEAD + f"phases:\n- id: a\n  length: 1 d\n  only: '{condition}'\n"


@hostile
def condition_of_brackets() -> str:
    return only("(" * 19_000)


@hostile
def condition_of_nots() -> str:
    return only("not " * 4_900 + "cr")


@hostile
def condition_of_blanks() -> str:
    return only(" " * 19_990)


@hostile
def condition_of_one_long_name() -> str:
    return only("a" * 19_900)


@hostile
def conditions_that_cannot_be_read() -> str:
    return some((f"- '{'cr or ' * 2_000}?'\n" for _ in range(80)), HEAD + "eligibility:\n", "phases: [{id: a, length: 1 d}]\n")


@hostile
def conditions_in_every_branch() -> str:
    branches = "".join(f"  - {{if: '{words(40)}', stop: completed}}\n" for _ in range(12))
    return some((f"- id: p{k}\n  length: 1 d\n  then:\n{branches}" for k in range(200)), HEAD + "phases:\n")


@hostile
def conditions_all_different() -> str:
    def phase(p: int) -> str:
        return f"- id: p{p}\n  length: 1 d\n  then:\n" + "".join(branch(p, b) for b in range(12))

    def branch(p: int, b: int) -> str:
        parts = " and ".join(f"(age < {p + b + k} or wbc < {p * 12 + b * 40 + k} or cns)" for k in range(9))
        return f"  - {{if: '{parts}', stop: completed}}\n"

    return some((phase(p) for p in range(200)), HEAD + "phases:\n")


@hostile
def conditions_on_every_assessment() -> str:
    def phase(p: int) -> str:
        made = ", ".join(f"{{name: a{p}x{k}, what: mrd}}" for k in range(40))
        asked = " or ".join(f"mrd(a{p}x{k}) < 1" for k in range(40))
        return f"- id: p{p}\n  length: 1 d\n  assess: [{made}]\n  then:\n" + f"  - {{if: '{asked}', stop: completed}}\n" * 2

    return some((phase(p) for p in range(200)), HEAD + "phases:\n")


@hostile
def conditions_on_what_was_received() -> str:
    asked = " or ".join(["received(vincristine)"] * 40)
    give = "{drug: vincristine, dose: 2 mg, route: iv, days: 1}"
    return some((f"- {{id: p{k}, length: 1 d, give: [{give}], then: [{{if: '{asked}', stop: completed}}, {{if: 'age < 3', go: end}}]}}\n"
                 for k in range(200)), HEAD + "phases:\n")


@hostile
def infusions_of_many_conditions() -> str:
    def give(k: int) -> str:
        return (f"  - {{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-22, only: 'age >= {3 * k} and age < {3 * k + 3} and "
                f"({' or '.join(f'cd20 < {j}' for j in range(8))})'}}\n")

    phase = "".join(give(k) for k in range(30))
    return some((f"- id: p{p}\n  length: 30 d\n  give:\n{phase}" for p in range(30)), HEAD + "phases:\n")


@hostile
def alongside_everything() -> str:
    beside = "".join(f"- {{drug: blinatumomab, dose: 28 ug/d, route: civ, from: p0, to: lifelong, only: 'age < {k + 1}'}}\n"
                     for k in range(40))
    gives = "".join(f"  - {{drug: blinatumomab, dose: 28 ug/d, route: civ, days: {k + 1}, only: 'age > {k + 60}'}}\n" for k in range(30))
    return some((f"- id: p{p}\n  length: 30 d\n  give:\n{gives}" for p in range(200)), HEAD + f"alongside:\n{beside}phases:\n")


@hostile
def eligibility_of_many_names() -> str:
    each = ("(ph = negative or sex = male) and (kmt2a or cns or donor or ph_like or adverse_genetics) and "
            "(ikzf1 = plus or wbc < {k} or cd20 < {k})")
    lines = "".join(f"- '{each.format(k=k + 1)}'\n" for k in range(40))
    branch = "  - {if: '(age < 3 or wbc > 4) and (cns or ph = positive) and (cd22 > 3 or sex = female)', stop: completed}\n"
    return HEAD + f"eligibility:\n{lines}phases:\n" + "".join(f"- id: p{k}\n  length: 1 d\n  then:\n{branch * 2}" for k in range(200))


def size_mib() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(raw: str | bytes) -> str:
    """The answer of parser and resolver in one line; anything but a regimen or a RemissionError escapes."""
    from remission.base import files
    from remission.base.errors import RemissionError
    from remission.protocol import read_regimen, warnings

    try:
        plan = read_regimen(files.read_text(raw, "hostile"))
        return f"a regimen of {len(plan.phases)} phases, {len(warnings(plan))} warnings"
    except RemissionError as error:
        return f"{type(error).__name__}: {str(error)[:200]}"


def measured(name: str) -> dict[str, object]:
    """Read one input with 256 MiB more address space than the process has now, and say what it took."""
    with open("/proc/self/statm", encoding="ascii") as status:
        pages = int(status.read().split()[0])
    raw = INPUTS[name]()
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + LIMIT_MIB * MIB,) * 2)
    before, begun = size_mib(), time.process_time()
    answer = read(raw)
    seconds = time.process_time() - begun
    return {"name": name, "mib": round(size_mib() - before, 1), "seconds": round(seconds, 2), "answer": answer}


def main(names: list[str]) -> None:
    read(HEAD + "phases: [{id: a, block: blinatumomab-28}]")  # so that imports and the catalog are not counted
    for name in names:
        child = os.fork()
        if child == 0:
            os.write(1, (json.dumps(measured(name)) + "\n").encode())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            os.write(1, (json.dumps({"name": name, "failed": status}) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:] or list(INPUTS))

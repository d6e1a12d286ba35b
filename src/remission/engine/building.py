"""The assembly of all compiled functions; imported only where no compiled code is in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from remission.engine.staged import LANES, building
from remission.engine.staging import DOUBLE, INT, POINTER, Array, Value

if TYPE_CHECKING:
    from remission.engine.jit import Entry


def assembly(entries: Sequence[Entry], width: int) -> str:
    """Text of a module with every entry."""
    module = ir.Module("remission")
    built: dict[Any, ir.Function] = {}
    for entry in entries:
        types: list[ir.Type] = []
        for form in entry.forms.values():
            types += [POINTER, *[INT] * int(form[3])] if ":" in form else [INT if form == "i" else DOUBLE]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), types), entry.name)
        with building(module, function, width, built) as stage:
            given = iter(function.args)
            values: list[Any] = []
            for form in entry.forms.values():
                if ":" in form:
                    pointer = next(given)
                    lengths = [Value(next(given), "i", False) for _ in range(int(form[3]))]
                    values.append(Array(pointer, form[:2], lengths, LANES if form.endswith("*") else 0))
                else:
                    values.append(Value(next(given), form, False))
            entry.function(*values)
            stage.builder.ret_void()
    return str(module)

"""Staged values: numpy expressions that write machine code instead of computing.

A `Value` stands for a number that will be known when the code runs. Operators and numpy functions on Values add instructions to the
function being built, so a plain Python function of arithmetic, when called with Values, becomes its own compiler. Values are scalars
(of the whole batch) or wide: one number for each of `Stage.width` patients side by side in a vector register. Kinds are `f` (float),
`i` (whole number; wide ones are unsigned words of random numbers) and `b` (true or false).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

DOUBLE, INT, BIT, SINGLE = ir.DoubleType(), ir.IntType(64), ir.IntType(1), ir.FloatType()
POINTER = ir.PointerType()
TYPES = {"f": DOUBLE, "i": INT, "b": BIT}
ELEMENTS = {"f8": DOUBLE, "i8": INT, "f4": SINGLE}


class Stage:
    """A function being built: where instructions go, how wide vectors are, the first patient of the vector (None: outside the loop
    over a batch), and the functions of this module that have been built already."""

    def __init__(self, module: ir.Module, function: ir.Function, width: int, built: dict[Any, ir.Function]) -> None:
        self.module, self.function, self.width, self.built = module, function, width, built
        entry = function.append_basic_block("entry")
        self.allocator, self.builder = ir.IRBuilder(entry), ir.IRBuilder(function.append_basic_block("body"))
        self.allocator.branch(self.builder.block)
        self.allocator.position_at_start(entry)
        self.lane: ir.Value | None = None
        self.total: Any = None  # what a function of a batch has returned so far

    def type_of(self, kind: str, wide: bool) -> ir.Type:
        return ir.VectorType(TYPES[kind], self.width) if wide else TYPES[kind]

    def intrinsic(self, name: str, result: ir.Type, arguments: Sequence[ir.Value]) -> ir.Value:
        """A call of one of LLVM's own operations."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(result, [a.type for a in arguments]), name)
        return self.builder.call(function, arguments)

    def overloaded(self, name: str, *arguments: Value) -> Value:
        """A call of an operation that LLVM has for every type; the result has the type of its arguments."""
        first = arguments[0]
        suffix = f"v{self.width}f64" if first.wide else "f64"
        result = self.intrinsic(f"llvm.{name}.{suffix}", first.ir.type, [a.ir for a in arguments])
        return Value(result, first.kind, first.wide)


_stages: list[Stage] = []


def stage() -> Stage:
    """The function being built."""
    return _stages[-1]


def staging() -> bool:
    """Whether code is being built just now; if not, functions of numpy expressions compute."""
    return bool(_stages)


class Value:
    """A number that will be known when the code runs."""

    __slots__ = ("ir", "kind", "wide")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: ir.Value, kind: str, wide: bool) -> None:
        self.ir, self.kind, self.wide = value, kind, wide

    def __bool__(self) -> bool:
        raise TypeError("a staged value is not known yet: use np.where, or np.any in an `if` of a staged function")

    def __array_ufunc__(self, ufunc: Any, method: str, *arguments: Any, **options: Any) -> Any:
        return UFUNCS[ufunc.__name__](*arguments) if method == "__call__" and not options else NotImplemented

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return FUNCTIONS[function.__name__](*arguments, **options)

    def __neg__(self) -> Value:
        return Value(stage().builder.fneg(self.ir), "f", self.wide) if self.kind == "f" else 0 - self

    def __invert__(self) -> Value:
        return Value(stage().builder.not_(self.ir), self.kind, self.wide)

    def __add__(self, other: Any) -> Any:
        return _binary("fadd", "add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _binary("fadd", "add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _binary("fsub", "sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _binary("fsub", "sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return _binary("fmul", "mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _binary("fmul", "mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _binary("fdiv", "", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _binary("fdiv", "", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _binary("", "udiv", self, other)

    def __mod__(self, other: Any) -> Any:
        return _binary("", "urem", self, other)

    def __and__(self, other: Any) -> Any:
        return _bitwise("and_", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return _bitwise("or_", self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> Any:
        return _bitwise("xor", self, other)

    __rxor__ = __xor__

    def __lshift__(self, other: Any) -> Any:
        return _bitwise("shl", self, other)

    def __rshift__(self, other: Any) -> Any:
        return _bitwise("lshr", self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)

    def __eq__(self, other: Any) -> Any:
        return _compare("==", self, other)

    def __ne__(self, other: Any) -> Any:
        return _compare("!=", self, other)

    def __pow__(self, power: Any) -> Any:
        return _power(self, power)

    def __rpow__(self, base: Any) -> Any:
        return _power(base, self)


def constant(number: Any, kind: str, wide: bool) -> Value:
    """A known number as a Value."""
    known = ir.Constant(TYPES[kind], float(number) if kind == "f" else int(number))
    return broadcast(Value(known, kind, False)) if wide else Value(known, kind, False)


def broadcast(value: Value) -> Value:
    """A scalar in every place of a vector."""
    if value.wide:
        return value
    now = stage()
    kind = now.type_of(value.kind, True)
    if isinstance(value.ir, ir.Constant):
        return Value(ir.Constant(kind, [value.ir.constant] * now.width), value.kind, True)
    undefined = ir.Constant(kind, ir.Undefined)
    first = now.builder.insert_element(undefined, value.ir, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), now.width), [0] * now.width)
    return Value(now.builder.shuffle_vector(first, undefined, places), value.kind, True)


def convert(value: Any, kind: str, wide: bool) -> Value:
    """A number or Value as a Value of this kind."""
    if not isinstance(value, Value):
        return constant(value, kind, wide)
    builder = stage().builder
    if value.kind != kind:
        if kind == "b":
            raise TypeError("compare a number to make it true or false")
        target = stage().type_of(kind, value.wide)
        if value.kind == "b":
            made = builder.uitofp(value.ir, target) if kind == "f" else builder.zext(value.ir, target)
        else:
            made = builder.sitofp(value.ir, target) if kind == "f" else builder.fptosi(value.ir, target)
        value = Value(made, kind, value.wide)
    return broadcast(value) if wide else value


def kind_of(value: Any) -> str:
    """`f`, `i` or `b`."""
    if isinstance(value, Value):
        return value.kind
    if isinstance(value, bool | np.bool_):
        return "b"
    return "i" if isinstance(value, int | np.integer) else "f"


def together(*values: Any, kinds: str = "if") -> tuple[str, bool, list[Value]]:
    """Values of one kind, the highest in `kinds` among them, and all wide if one is."""
    kind = max((kind_of(value) for value in values), key="bif".index)
    kind = max(kind, kinds[0], key="bif".index)
    wide = any(isinstance(value, Value) and value.wide for value in values)
    return kind, wide, [convert(value, kind, wide) for value in values]


def _binary(floats: str, whole: str, a: Any, b: Any) -> Value:
    """One of the builder's operations, on floats or on whole numbers; a name that is empty does not exist."""
    kind, wide, (left, right) = together(a, b, kinds="if" if whole else "f")
    return Value(getattr(stage().builder, floats if kind == "f" else whole)(left.ir, right.ir), kind, wide)


def _bitwise(name: str, a: Any, b: Any) -> Value:
    kind, wide, (left, right) = together(a, b, kinds="bi")
    if kind == "f":
        raise TypeError("a float has no bits: use `bits`")
    return Value(getattr(stage().builder, name)(left.ir, right.ir), kind, wide)


def _compare(sign: str, a: Any, b: Any) -> Value:
    kind, wide, (left, right) = together(a, b)
    builder = stage().builder
    compare = builder.icmp_signed if kind == "i" else builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
    return Value(compare(sign, left.ir, right.ir), "b", wide)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; both are computed."""
    if not isinstance(condition, Value):
        return a if condition else b
    kind, wide, (left, right) = together(a, b, kinds="bif")
    wide = wide or condition.wide
    left, right = convert(left, kind, wide), convert(right, kind, wide)
    chosen = stage().builder.select(convert(condition, "b", wide and condition.wide).ir, left.ir, right.ir)
    return Value(chosen, kind, wide)


def fma(a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once, on every machine (unrounded here, where floats compute)."""
    if not staging():
        return a * b + c
    _, _, values = together(a, b, c, kinds="f")
    return stage().overloaded("fma", *values)


def _power(base: Any, power: Any) -> Any:
    if not isinstance(power, Value) and power in (1, 2, 3):
        return base if power == 1 else base * base if power == 2 else base * base * base
    from remission.engine.elementary import exp, log

    return exp(power * log(base)) if isinstance(base, Value) else exp(power * float(np.log(base)))


def bits(value: Any) -> Any:
    """The 64 bits of a float as a whole number."""
    return Value(stage().builder.bitcast(value.ir, stage().type_of("i", value.wide)), "i", value.wide)


def number(value: Any) -> Any:
    """The float with these 64 bits."""
    return Value(stage().builder.bitcast(value.ir, stage().type_of("f", value.wide)), "f", value.wide)


def whole(value: Any) -> Any:
    """A number without what follows its point."""
    if not isinstance(value, Value):
        return np.asarray(value).astype(np.int64)
    made = stage().builder.fptosi(value.ir, stage().type_of("i", value.wide))
    return Value(made, "i", value.wide)


def any_of(condition: Value) -> Any:
    """Whether a condition holds for any patient of the vector."""
    if not isinstance(condition, Value) or not condition.wide:
        return condition
    now = stage()
    packed = ir.IntType(now.width)
    return Value(now.builder.icmp_unsigned("!=", now.builder.bitcast(condition.ir, packed), packed(0)), "b", False)


def count_of(condition: Value) -> Value:
    """For how many patients of the vector a condition holds."""
    now = stage()
    packed = now.builder.bitcast(condition.ir, ir.IntType(now.width))
    return Value(now.intrinsic("llvm.ctpop.i64", INT, [now.builder.zext(packed, INT)]), "i", False)


def places() -> Any:
    """The number of each patient within the batch."""
    now = stage()
    first = broadcast(Value(now.lane, "i", False))
    steps = ir.Constant(ir.VectorType(INT, now.width), list(range(now.width)))
    return Value(now.builder.add(first.ir, steps), "i", True)


def counted() -> Any:
    """How many the vectors before this one have returned."""
    return stage().total.get()


def pack(s: Any, row: Any, count: Any, chosen: Any, values: Sequence[Any], stride: int) -> Value:
    """Append `values` of the chosen patients to lists that begin at rows `row`, `row` + `stride`, ... and have `count` members; returns
    how many were chosen."""
    from remission.engine.staged import Slot

    now = stage()
    left, next_ = Slot("i", False), Slot("i", False)
    left.set(Value(now.builder.zext(now.builder.bitcast(chosen.ir, ir.IntType(now.width)), INT), "i", False))
    next_.set(count)
    head, body, after = (now.function.append_basic_block("pack") for _ in range(3))
    now.builder.branch(head)
    now.builder.position_at_start(head)
    now.builder.cbranch((left.get() != 0).ir, body, after)
    now.builder.position_at_start(body)
    bits_left, at = left.get(), next_.get()
    place = now.intrinsic("llvm.cttz.i64", INT, [bits_left.ir, BIT(1)])
    for k, value in enumerate(values):
        one = Value(now.builder.extract_element(convert(value, "f", True).ir, place), "f", False)
        s.put(row + k * stride, at, one)
    left.set(bits_left & (bits_left - 1))
    next_.set(at + 1)
    now.builder.branch(head)
    now.builder.position_at_start(after)
    appended: Value = next_.get() - count
    return appended


UFUNCS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: _binary("fadd", "add", a, b),
    "subtract": lambda a, b: _binary("fsub", "sub", a, b),
    "multiply": lambda a, b: _binary("fmul", "mul", a, b),
    "divide": lambda a, b: _binary("fdiv", "", a, b),
    "negative": lambda x: -x,
    "power": lambda a, b: _power(a, b),
    "minimum": lambda a, b: where(_compare("<", a, b), a, b),
    "maximum": lambda a, b: where(_compare(">", a, b), a, b),
    "sqrt": lambda x: stage().overloaded("sqrt", x),
    "absolute": lambda x: stage().overloaded("fabs", x),
    "ceil": lambda x: stage().overloaded("ceil", x),
    "floor": lambda x: stage().overloaded("floor", x),
    "less": lambda a, b: _compare("<", a, b),
    "less_equal": lambda a, b: _compare("<=", a, b),
    "greater": lambda a, b: _compare(">", a, b),
    "greater_equal": lambda a, b: _compare(">=", a, b),
    "equal": lambda a, b: _compare("==", a, b),
    "not_equal": lambda a, b: _compare("!=", a, b),
}
"""What numpy's functions of one or two arrays write (exp and log: see `elementary`)."""
FUNCTIONS: dict[str, Callable[..., Any]] = {"where": where, "any": any_of, "count_nonzero": count_of}


class _Freeze(ir.instructions.Instruction):  # type: ignore[misc]
    """LLVM's `freeze`: the same value, but what it was made of is not looked at again."""

    def __init__(self, block: ir.Block, value: ir.Value) -> None:
        super().__init__(block, value.type, "freeze", [value])

    def descr(self, text: list[str]) -> None:
        text.append(f"freeze {self.operands[0].type} {self.operands[0].get_reference()}\n")


class Array:
    """Memory: an array of `element`s (f8, i8, f4) in rows. In a batch array a row holds one number for each patient of the batch, so
    that inside the loop over a batch `a[row]` is wide; of other arrays one reads and writes single numbers."""

    def __init__(self, pointer: ir.Value, element: str, lengths: Sequence[Value], lanes: Any = 0) -> None:
        self.pointer, self.element, self.lengths, self.lanes = pointer, element, tuple(lengths), lanes

    def __len__(self) -> int:
        raise TypeError("the length of staged memory is `array.lengths[0]`")

    def _address(self, index: Any) -> tuple[ir.Value, bool, int]:
        """Where an element lies, whether it is wide, and how many indices are left over."""
        now = stage()
        index = index if isinstance(index, tuple) else (index,)
        batch = not isinstance(self.lanes, int) or self.lanes > 0
        row = batch and len(index) == 1 and now.lane is not None
        offset: Any = index[0]
        for place, length in zip(index[1:], self.lengths[1:], strict=False):
            offset = offset * (self.lanes if batch else length) + place
        if row:
            offset = offset * self.lanes + Value(now.lane, "i", False)
        where_to: Any = convert(offset, "i", False)
        left = 0 if row else len(self.lengths) - len(index)
        for length in self.lengths[len(self.lengths) - left :] if left else ():
            where_to = where_to * (self.lanes if batch else length)
        address = now.builder.gep(self.pointer, [where_to.ir], inbounds=True, source_etype=ELEMENTS[self.element])
        return address, bool(row), left

    def __getitem__(self, index: Any) -> Any:
        now = stage()
        if isinstance(index, tuple) and any(isinstance(place, Value) and place.wide for place in index):
            row, lane = index
            return self._gather(convert(row * self.lanes + lane, "i", True))
        if isinstance(index, Value) and index.wide:
            return self._gather(index)
        address, wide, left = self._address(index)
        if left:
            return Array(address, self.element, self.lengths[-left:])
        kind = "i" if self.element == "i8" else "f"
        read = now.builder.load(address, typ=now.type_of(kind, wide), align=8)
        return Value(read, kind, wide)

    def __setitem__(self, index: Any, value: Any) -> None:
        now = stage()
        address, wide, left = self._address(index)
        if left:
            raise TypeError("a whole array cannot be assigned")
        made = convert(value, "i" if self.element == "i8" else "f", wide).ir
        if self.element == "f4":
            made = now.builder.fptrunc(made, ir.VectorType(SINGLE, now.width) if wide else SINGLE)
        if wide:  # or else what is kept in some patients only becomes a masked store, which many processors are slow at
            frozen = _Freeze(now.builder.block, made)
            now.builder._insert(frozen)
            made = frozen
        now.builder.store(made, address, align=4 if self.element == "f4" else 8)

    def put(self, row: Any, place: Any, value: Value) -> None:
        """Write one number of a row."""
        offset: Any = row * self.lanes + place
        where_to = convert(offset, "i", False)
        address = stage().builder.gep(self.pointer, [where_to.ir], inbounds=True, source_etype=ELEMENTS[self.element])
        stage().builder.store(value.ir, address, align=8)

    def beside(self, column: Value) -> Array:
        """The rows of a table from a column on, as those of a batch."""
        address = stage().builder.gep(self.pointer, [column.ir], inbounds=True, source_etype=ELEMENTS[self.element])
        return Array(address, self.element, self.lengths, self.lengths[1])

    def _gather(self, places: Value) -> Value:
        """Numbers that lie at other places for every patient."""
        now = stage()
        made = ir.Constant(now.type_of("f", True), ir.Undefined)
        for k in range(now.width):
            place = now.builder.extract_element(places.ir, ir.Constant(ir.IntType(32), k))
            address = now.builder.gep(self.pointer, [place], inbounds=True, source_etype=DOUBLE)
            read = now.builder.load(address, typ=DOUBLE, align=8)
            made = now.builder.insert_element(made, read, ir.Constant(ir.IntType(32), k))
        return Value(made, "f", True)


class Table:
    """Known numbers that are looked up by a number which is not."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float64)

    def __getitem__(self, place: Any) -> Any:
        if not isinstance(place, Value):
            return self.values[place]
        module, name = stage().module, f"table.{id(self):x}"
        kept = module.globals.get(name)
        if kept is None:
            kind = ir.ArrayType(DOUBLE, len(self.values))
            kept = ir.GlobalVariable(module, kind, name)
            kept.linkage, kept.global_constant = "internal", True
            kept.initializer = ir.Constant(kind, [ir.Constant(DOUBLE, float(value)) for value in self.values])
        return Array(kept, "f8", [constant(len(self.values), "i", False)])[place]


class Scratch:
    """A few wide values that are told apart by a number which is not known yet."""

    def __init__(self, count: int) -> None:
        self.known: list[Any] = [0.0] * count
        if staging():
            now = stage()
            self.kind = now.type_of("f", True)
            self.place = now.allocator.alloca(self.kind, size=count)

    def _address(self, index: Any) -> ir.Value:
        return stage().builder.gep(self.place, [convert(index, "i", False).ir], source_etype=self.kind)

    def __getitem__(self, index: Any) -> Any:
        if not staging():
            return self.known[index]
        return Value(stage().builder.load(self._address(index), typ=self.kind), "f", True)

    def __setitem__(self, index: Any, value: Any) -> None:
        if staging():
            stage().builder.store(convert(value, "f", True).ir, self._address(index))
        else:
            self.known[index] = value

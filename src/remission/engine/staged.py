"""Staged functions: Python whose loops, branches and assignments become machine code, because its values are staged.

A function marked `@lanes` is written as numpy expressions on the rows of a batch of `LANES` patients. Called with numpy arrays it
computes; called while code is built, it becomes a loop over vectors of patients. A function marked `@routine` is what stands around
such loops: it walks a program, calls `@lanes` functions, and knows no single patient. Expressions are evaluated by Python itself;
only what depends on values that are not known yet is treated here:

    x = ...            a name that is assigned more than once is a variable of the code, else a name for a value
    for k in range(n)  a loop of the code; over anything else the loop is unrolled
    while, if          a loop or branch of the code where the condition is a scalar (`np.any(mask)`), else decided here
    return             at the end; a `@lanes` function may return `np.count_nonzero(mask)`, summed over the batch
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import CodeType
from typing import Any, NamedTuple

from llvmlite import ir

from remission.engine import elementary as _elementary  # noqa: F401  (gives numpy's exp and log their staged forms)
from remission.engine import staging
from remission.engine.staging import INT, POINTER, TYPES, Array, Stage, Value, constant, convert, kind_of, stage

LANES = 64  # patients in a batch


class Slot:
    """A variable of the code."""

    def __init__(self, kind: str, wide: bool) -> None:
        now = stage()
        self.kind, self.wide = kind, wide
        self.place = now.allocator.alloca(now.type_of(kind, wide))

    def get(self) -> Any:
        now = stage()
        return Value(now.builder.load(self.place, typ=now.type_of(self.kind, self.wide)), self.kind, self.wide)

    def set(self, value: Any) -> None:
        stage().builder.store(convert(value, self.kind, self.wide).ir, self.place)


class _Names(dict[str, Any]):
    """Local names; a variable of the code is read whenever it is named."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return value.get() if isinstance(value, Slot) else value

    def slot(self, name: str) -> Any:
        return super().get(name)


class _Truth(ast.NodeTransformer):
    """`and`, `or`, `not` and `a if c else b` ask for the truth of a value: they become calls that can do without."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        made = node.values[0]
        for value in node.values[1:]:
            made = _call("__and" if isinstance(node.op, ast.And) else "__or", made, value)
        return made

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return _call("__not", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return _call("__choose", node.test, node.body, node.orelse)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


_TRUTH: Mapping[str, Callable[..., Any]] = {
    "__and": lambda a, b: a & b if isinstance(a, Value) or isinstance(b, Value) else a and b,
    "__or": lambda a, b: a | b if isinstance(a, Value) or isinstance(b, Value) else a or b,
    "__not": lambda a: ~a if isinstance(a, Value) else not a,
    "__choose": lambda condition, a, b: staging.where(condition, a, b),
}


class Staged:
    """A function that can be staged."""

    def __init__(self, function: Callable[..., Any], wide: bool, vectors: int = 1) -> None:
        self.function, self.wide, self.vectors = function, wide, vectors
        self.__doc__, self.__name__, self.__wrapped__ = function.__doc__, function.__name__, function

    def __call__(self, *arguments: Any) -> Any:
        if not staging.staging():
            return self.function(*arguments)
        if self.wide and stage().lane is None:
            return _call_lanes(self, arguments)
        return self.inline(arguments)

    @cached_property
    def tree(self) -> ast.FunctionDef:
        source = ast.parse(textwrap.dedent(inspect.getsource(self.function)))
        found = _Truth().visit(source).body[0]
        assert isinstance(found, ast.FunctionDef)
        return found

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names that are assigned more than once, or by a loop."""
        counts: dict[str, int] = {argument.arg: 1 for argument in self.tree.args.args}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                counts[node.id] = counts.get(node.id, 0) + 1
        return frozenset(name for name, count in counts.items() if count > 1)

    @cached_property
    def codes(self) -> dict[ast.expr, CodeType]:
        return {}

    def inline(self, arguments: tuple[Any, ...]) -> Any:
        """Stage the body where we are."""
        names = _Names(zip((argument.arg for argument in self.tree.args.args), arguments, strict=True))
        return _Body(self, names).run(self.tree.body)


def lanes(function: Callable[..., Any]) -> Any:
    """A function of numpy expressions on the rows of a batch."""
    return Staged(function, True)


def paired(function: Callable[..., Any]) -> Any:
    """As `lanes`, two vectors at a time: for long chains, in which one vector would wait for itself."""
    return Staged(function, True, 2)


def routine(function: Callable[..., Any]) -> Any:
    """A function around loops over batches."""
    return Staged(function, False)


class _Body:
    """The statements of a function in one call of it."""

    def __init__(self, function: Staged, names: _Names) -> None:
        self.function, self.names = function, names
        self.known = {**function.function.__globals__, **inspect.getclosurevars(function.function).nonlocals, **_TRUTH}
        self.exits: list[tuple[ir.Block, ir.Block]] = []  # of the loops around: where `break` and `continue` lead

    def run(self, statements: list[ast.stmt]) -> Any:
        for statement in statements:
            if isinstance(statement, ast.Return):
                return None if statement.value is None else self.value(statement.value)
            getattr(self, f"_{type(statement).__name__.lower()}")(statement)
        return None

    def value(self, node: ast.expr) -> Any:
        code = self.function.codes.get(node)
        if code is None:
            code = compile(ast.fix_missing_locations(ast.Expression(node)), self.function.__name__, "eval")
            self.function.codes[node] = code
        names = self.names
        if any(
            isinstance(part, ast.ListComp | ast.GeneratorExp) for part in ast.walk(node)
        ):  # whose names are looked up as global ones
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            return eval(code, {**self.known, **{name: names[name] for name in used if name in names}})
        return eval(code, self.known, names)

    def _expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)

    def _pass(self, node: ast.Pass) -> None:
        pass

    def _assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.put(target, value)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.put(node.target, self.value(node.value))

    def _augassign(self, node: ast.AugAssign) -> None:
        before: Any = ast.parse(ast.unparse(node.target), mode="eval").body
        self.put(node.target, self.value(ast.BinOp(before, node.op, node.value)))

    def put(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Tuple):
            for part, item in zip(target.elts, value, strict=True):
                self.put(part, item)
        elif isinstance(target, ast.Subscript):
            self.value(target.value)[self.value(target.slice)] = value
        elif isinstance(target, ast.Attribute):
            setattr(self.value(target.value), target.attr, value)
        else:
            assert isinstance(target, ast.Name)
            self.name(target.id, value)

    def name(self, name: str, value: Any) -> None:
        """Assign to a name. Numbers that vary are wide inside the loop over a batch, unless they are whole."""
        slot = self.names.slot(name)
        if isinstance(slot, Slot):
            slot.set(value)
        elif name in self.function.variables and isinstance(value, Value | bool | int | float):
            wide = (
                value.wide
                if isinstance(value, Value) and value.kind == "i"
                else kind_of(value) != "i" and stage().lane is not None
            )
            made = Slot(kind_of(value), wide)
            made.set(value)
            self.names[name] = made
        else:
            self.names[name] = value

    def _if(self, node: ast.If) -> None:
        condition = self.value(node.test)
        if not isinstance(condition, Value):
            self.run(node.body if condition else node.orelse)
            return
        with _branches(condition) as (yes, no, after):
            for block, statements in ((yes, node.body), (no, node.orelse)):
                stage().builder.position_at_start(block)
                self.run(statements)
                if not stage().builder.block.is_terminated:
                    stage().builder.branch(after)

    def _for(self, node: ast.For) -> None:
        loop = node.iter
        if not (isinstance(loop, ast.Call) and isinstance(loop.func, ast.Name) and loop.func.id == "range"):
            for item in self.value(loop):
                self.put(node.target, item)
                self.run(node.body)
            return
        limits = [self.value(argument) for argument in loop.args]
        first, last, step = (
            (0, limits[0], 1) if len(limits) == 1 else (limits[0], limits[1], limits[2] if len(limits) > 2 else 1)
        )
        assert isinstance(node.target, ast.Name)
        counter = Slot("i", False)
        counter.set(first)
        end = convert(last, "i", False)
        head, body, following, after = _blocks("for", 4)
        builder = stage().builder
        builder.branch(head)
        builder.position_at_start(head)
        builder.cbranch((counter.get() < end).ir, body, after)
        builder.position_at_start(body)
        self.names[node.target.id] = counter
        self._loop(node.body, after, following)
        builder.position_at_start(following)
        counter.set(counter.get() + step)
        builder.branch(head)
        builder.position_at_start(after)

    def _while(self, node: ast.While) -> None:
        head, body, after = _blocks("while", 3)
        builder = stage().builder
        builder.branch(head)
        builder.position_at_start(head)
        builder.cbranch(convert(self.value(node.test), "b", False).ir, body, after)
        builder.position_at_start(body)
        self._loop(node.body, after, head)
        builder.position_at_start(after)

    def _loop(self, statements: list[ast.stmt], after: ir.Block, following: ir.Block) -> None:
        self.exits.append((after, following))
        self.run(statements)
        self.exits.pop()
        if not stage().builder.block.is_terminated:
            stage().builder.branch(following)

    def _break(self, node: ast.Break) -> None:
        stage().builder.branch(self.exits[-1][0])

    def _continue(self, node: ast.Continue) -> None:
        stage().builder.branch(self.exits[-1][1])


def _blocks(name: str, count: int) -> list[ir.Block]:
    return [stage().function.append_basic_block(name) for _ in range(count)]


@contextmanager
def _branches(condition: Value) -> Iterator[tuple[ir.Block, ir.Block, ir.Block]]:
    yes, no, after = _blocks("if", 3)
    stage().builder.cbranch(convert(condition, "b", False).ir, yes, no)
    yield yes, no, after
    stage().builder.position_at_start(after)


@contextmanager
def building(module: ir.Module, function: ir.Function, width: int, built: dict[Any, ir.Function]) -> Iterator[Stage]:
    """Build a function."""
    now = Stage(module, function, width, built)
    staging._stages.append(now)
    try:
        yield now
    finally:
        staging._stages.pop()


def _call_lanes(staged: Staged, arguments: tuple[Any, ...]) -> Any:
    """Call a function of a batch: it is built when first called with arguments of these types."""
    now = stage()
    passed: list[ir.Value] = []
    forms: list[Any] = []
    for argument in arguments:
        if isinstance(argument, Array):
            passed += [argument.pointer, *[length.ir for length in argument.lengths[1:]]]
            forms.append(
                _Memory(
                    argument.element, len(argument.lengths), argument.lanes if isinstance(argument.lanes, int) else -1
                )
            )
        elif isinstance(argument, Value | bool | int | float):
            value = argument if isinstance(argument, Value) else constant(argument, kind_of(argument), False)
            passed.append(value.ir)
            forms.append(_Scalar(value.kind))
        else:
            forms.append(argument)
    key = (staged, *forms)
    if key not in now.built:
        now.built[key] = _build_lanes(now, staged, forms)
    return Value(now.builder.call(now.built[key], passed), "i", False)


class _Memory(NamedTuple):
    element: str
    dimensions: int
    lanes: int  # -1: as many as the array has columns


class _Scalar(NamedTuple):
    kind: str


def _build_lanes(now: Stage, staged: Staged, forms: list[Any]) -> ir.Function:
    types: list[ir.Type] = []
    for form in forms:
        if isinstance(form, _Memory):
            types += [POINTER, *[INT] * (form.dimensions - 1)]
        elif isinstance(form, _Scalar):
            types.append(TYPES[form.kind])
    function = ir.Function(now.module, ir.FunctionType(INT, types), now.module.get_unique_name(staged.__name__))
    function.linkage = "internal"
    for attribute in ("noinline", "nounwind"):
        function.attributes.add(attribute)
    with building(now.module, function, now.width * staged.vectors, now.built) as inner:
        given = iter(function.args)
        values: list[Any] = []
        size: Any = LANES
        for form, argument in zip(forms, staged.tree.args.args, strict=True):
            if isinstance(form, _Memory):
                pointer = next(given)
                pointer.add_attribute("noalias")
                lengths = [Value(next(given), "i", False) for _ in range(form.dimensions - 1)]
                row = lengths[0] if form.lanes < 0 else form.lanes
                values.append(Array(pointer, form.element, [constant(0, "i", False), *lengths], row))
            elif isinstance(form, _Scalar):
                values.append(Value(next(given), form.kind, False))
                size = values[-1] if argument.arg == "size" else size
            else:
                values.append(form)
        _loop_over_lanes(inner, staged, values, size)
    return function


def _loop_over_lanes(now: Stage, staged: Staged, values: list[Any], size: Any) -> None:
    lane, total = Slot("i", False), Slot("i", False)
    lane.set(0)
    total.set(0)
    now.total = total
    end = convert(size, "i", False)
    head, body, after = _blocks("lanes", 3)
    now.builder.branch(head)
    now.builder.position_at_start(head)
    at = lane.get()
    now.builder.cbranch((at < end).ir, body, after)
    now.builder.position_at_start(body)
    now.lane = at.ir
    result = staged.inline(tuple(values))
    now.lane = None
    if result is not None:
        total.set(total.get() + result)
    lane.set(at + now.width)
    now.builder.branch(head)
    now.builder.position_at_start(after)
    now.builder.ret(total.get().ir)


def apply_routine(function: Callable[..., Any], arguments: int) -> Staged:
    """A routine that applies an expression to the first rows of a batch; the result is the row after them."""
    rows = tuple(range(arguments))

    def apply(s: Any) -> None:
        apply_rows(s, function, rows)

    return Staged(apply, False)


@lanes
def apply_rows(s: Any, function: Any, rows: Any) -> None:
    """The row after those of the arguments: a function of them."""
    s[len(rows)] = function(*[s[row] for row in rows])

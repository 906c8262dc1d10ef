"""The names that a cell of a notebook takes from cells before it, and those that it leaves."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["CellNames", "cell_names"]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class CellNames:
    """Global names of a cell.

    Attributes
    ----------
    used : frozenset of str
        Names that it needs from before, those inside its functions included.
    bound : frozenset of str
        Names that it gives a new value in any case.
    changed : frozenset of str
        Those, and names that it may bind, or changes through an index or an attribute.
    """

    used: frozenset[str]
    bound: frozenset[str]
    changed: frozenset[str]


def cell_names(source: str) -> CellNames:
    """Find the names of a cell by reading it; text that is not Python has none.

    Examples
    --------
    >>> cell_names("scores['cnn'] = [f(x) for x in jets]").used == {"scores", "f", "jets"}
    True
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return CellNames(frozenset(), frozenset(), frozenset())
    reader = _Reader()
    reader.read(tree.body)
    used = reader.used | (reader.used_later - reader.changed)
    return CellNames(frozenset(used), frozenset(reader.bound), frozenset(reader.changed))


class _Reader:
    """Goes through statements in order."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.used_later: set[str] = set()  # when a function of the cell is called
        self.bound: set[str] = set()
        self.changed: set[str] = set()

    def read(self, statements: Iterable[ast.stmt], *, certain: bool = True) -> None:
        for statement in statements:
            self._read_one(statement, certain)

    def _read_one(self, node: ast.stmt, certain: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.used_later |= set(_free(node))
                self._bind({node.name}, certain)
            case ast.Import(names=found) | ast.ImportFrom(names=found):
                self._bind(
                    {(each.asname or each.name).partition(".")[0] for each in found}, certain
                )
            case ast.For() | ast.AsyncFor():
                self._use(node.iter)
                self._assign(node.target, certain=False)
                self._inside(node.target, [*node.body, *node.orelse])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._use(item.context_expr)
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, certain)
                self.read(node.body, certain=certain)
            case ast.If() | ast.While():
                self._use(node.test)
                self.read([*node.body, *node.orelse], certain=False)
            case ast.Try():
                self.read(node.body, certain=False)
                for handler in node.handlers:
                    self._use(handler.type or ast.Pass())
                    self._inside(ast.Name(handler.name or "_", ast.Store()), handler.body)
                self.read([*node.orelse, *node.finalbody], certain=False)
            case _:
                self._use(node)
                for target in _targets(node):
                    self._assign(target, certain)

    def _inside(self, target: ast.expr, body: list[ast.stmt]) -> None:
        """Read a body in which some names are bound that may not be behind it."""
        before, names = set(self.bound), set(_stored(target))
        self.bound |= names
        self.read(body, certain=False)
        self.bound = before
        self.changed |= names

    def _use(self, node: ast.AST) -> None:
        self.used |= set(_free(node)) - self.bound - self.changed
        named = (each.target for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
        self.changed |= {target.id for target in named}

    def _bind(self, names: set[str], certain: bool) -> None:
        self.changed |= names
        if certain:
            self.bound |= names

    def _assign(self, target: ast.expr, certain: bool) -> None:
        self._bind(set(_stored(target)), certain)
        for part in ast.walk(target):
            if isinstance(part, ast.Subscript | ast.Attribute):
                self.changed |= {each.id for each in ast.walk(part) if isinstance(each, ast.Name)}


def _targets(node: ast.stmt) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
    return []


def _stored(target: ast.AST) -> Iterator[str]:
    yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name) and _is_stored(n))


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store | ast.Del)


def _free(node: ast.AST) -> Iterator[str]:
    """Yield the names that an expression or a definition takes from outside itself."""
    match node:
        case ast.Name(id=name):
            if not _is_stored(node):
                yield name
            return
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name
    own: set[str] = set()
    if isinstance(node, _COMPREHENSIONS):
        own = {name for part in node.generators for name in _stored(part.target)}
    elif isinstance(node, ast.Lambda):
        own = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    elif isinstance(node, _DEFINITIONS):
        own = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        own |= set(_stored(node)) - _declared_global(node)
    for child in ast.iter_child_nodes(node):
        yield from (name for name in _free(child) if name not in own)


def _declared_global(node: ast.AST) -> set[str]:
    return {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}

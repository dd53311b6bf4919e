"""Find the statements of a notebook that define given names (a backward program slice)."""

import ast
import builtins
from collections.abc import Iterable


def stores(source: str) -> set[str]:
    """Return the names that the top level of some code defines or changes.

    Examples
    --------
    >>> sorted(stores("import numpy as np\\nrows = []\\nfor x in range(3):\\n    table[x] = 1\\n    rows.append(x)"))
    ['np', 'rows', 'table', 'x']
    """
    return set().union(set(), *map(_stores_of, ast.parse(source).body))


def loads(source: str) -> set[str]:
    """Return the names that some code uses and doesn't define before, without Python's own names.

    Examples
    --------
    >>> sorted(loads("y = np.sum(x)\\ndef f(a):\\n    return a + z + y"))
    ['np', 'x', 'z']
    """
    return _loads_of_all(ast.parse(source).body)


def take(sources: Iterable[str], names: set[str], through_modules: bool = True) -> list[str]:
    """Return the cells that define ``names``, reduced to the statements that are needed.

    Parameters
    ----------
    sources : iterable of str
        Code cells, in order.
    names : set of str
        Names to define. Those that no cell defines are ignored.
    through_modules : bool, default True
        Also take statements that call or change something in a module, such as ``torch.manual_seed(0)``.

    Returns
    -------
    list of str
        Reduced cells, in order.

    Examples
    --------
    >>> take(["import os\\nimport math", "a = math.pi\\nb = os.sep"], {"a"})
    ['import math', 'a = math.pi']
    """
    sources = list(sources)
    modules = set() if through_modules else set().union(set(), *map(_imports, sources))
    needed, reduced = set(names), []
    for source in reversed(sources):
        statements = ast.parse(source).body
        chosen = []
        for statement in reversed(statements):
            defined = _definitions(statement)
            if (defined | _stores_of(statement) - modules) & needed:
                needed = (needed - defined) | _loads_of(statement)
                chosen.append(statement)
        if len(chosen) == len(statements) and chosen:
            reduced.append(source)
        elif chosen:
            reduced.append("\n".join(_lines(source, statement) for statement in reversed(chosen)))
    return reduced[::-1]


def without(source: str, name: str) -> str:
    """Return some code without the statements that define or use a name.

    Examples
    --------
    >>> without("x = 1\\nanswer = x\\ncheck(answer)", "answer")
    'x = 1'
    """
    statements = ast.parse(source).body
    return "\n".join(_lines(source, each) for each in statements if name not in _stores_of(each) | _loads_of(each))


def _lines(source: str, statement: ast.stmt) -> str:
    first = min([statement.lineno, *(item.lineno for item in getattr(statement, "decorator_list", []))])
    text = "\n".join(source.splitlines()[first - 1 : statement.end_lineno])
    return f"\n\n{text}\n\n" if isinstance(statement, ast.FunctionDef | ast.ClassDef) else text


def _imports(source: str) -> set[str]:
    statements = ast.parse(source).body
    return set().union(
        set(), *(_definitions(each) for each in statements if isinstance(each, ast.Import | ast.ImportFrom))
    )


def _definitions(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines from scratch, so that earlier definitions aren't needed."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.AugAssign):
        return set()
    return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _stores_of(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines, or changes through an index, an attribute or a method."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return _definitions(statement)
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names.add(_root(node.value.func))
    return names - {""}


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _loads_of_all(statements: Iterable[ast.stmt]) -> set[str]:
    needed: set[str] = set()
    for statement in reversed(list(statements)):
        needed = (needed - _definitions(statement)) | _loads_of(statement)
    return needed


def _loads_of(statement: ast.AST) -> set[str]:
    """Return the names that a statement uses, without Python's own and those that it defines itself before."""
    local: set[str] = set()
    inner: set[str] = set()
    nodes = [statement]
    if isinstance(statement, ast.For | ast.With | ast.While | ast.If | ast.FunctionDef | ast.ClassDef):
        inner = _loads_of_all([*statement.body, *getattr(statement, "orelse", [])])
        nodes = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt)]
        local |= {each.arg for node in nodes for each in ast.walk(node) if isinstance(each, ast.arg)}
    every = [each for node in nodes for each in ast.walk(node)]
    if not isinstance(statement, ast.Assign | ast.AugAssign):
        local |= {each.id for each in every if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    for each in every:
        if isinstance(each, ast.comprehension):
            local |= {name.id for name in ast.walk(each.target) if isinstance(name, ast.Name)}
        elif isinstance(each, ast.Lambda):
            local |= {argument.arg for argument in each.args.args}
    used = {each.id for each in every if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    if isinstance(statement, ast.AugAssign):
        used.add(_root(statement.target))
    return {name for name in (used | inner) - local if not hasattr(builtins, name)}

"""Data meets Markdown only through ``plain``: read off the source, so that no page can forget it.

Streamlit takes labels, headings, alerts, help texts and the cells of ``st.table`` as Markdown. Every expression that
reaches one of them is followed back through names, branches, f-strings and our own functions to its leaves. A leaf may
be written in the source, be a declared word (``say(x.label)``), a number or a date that was formatted, or be escaped.
What a Trouble says, what a record holds, what a parameter brings is none of these.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1] / "dashboard"
FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.name not in {"i18n.py", "signin.py"} and path.parent.name not in {"cli", "pack"}
]  # those are no pages

WORDS = """
markdown caption header subheader title write error warning info success toast badge button download_button link_button
checkbox toggle radio selectbox multiselect segmented_control pills text_input text_area number_input date_input
time_input datetime_input file_uploader expander popover spinner status tabs table form_submit_button slider dialog
side_by_side
"""
SINKS = {  # what takes Markdown, and where
    **dict.fromkeys(WORDS.split(), (0,)),
    "metric": (0, 1, 2),
    "link": (1,),
    "show": (1,),  # drawer.show: a dialog's title
}
OWNERS = {"show": "drawer", "side_by_side": "cards", "link": "navigation", "badge": "st"}
ALSO = {"help", "text", "label", "note"}  # keywords that take it too
DRAWN = {"radio", "segmented_control", "pills"}  # their choices are Markdown; a selectbox shows letters
OTHERS = {"target", "targets", "embedded", "session", "file", "log"}  # whose title() or error() draws nothing
SAFE = {
    "plain", "number", "signed", "percent", "money", "date", "datetime_", "time_", "duration", "days", "days_badge",
    "ago", "paragraphs", "month", "month_name", "day_short", "moment_short", "day_axis", "period", "len", "run",
    "figure_of", "target_bounds", "target_words",
}  # fmt: skip
DECLARED = {"label", "title", "short", "help", "unit"}
TRUSTED = {  # parameters that are Markdown by contract: those who call are looked at instead
    ("link", "label"), ("link", "help"), ("chart", "note"), ("show", "title"), ("empty", "icon"),
    ("edit", "submit"), ("download_line", "label"), ("side_by_side", "styled"), ("_card", "explained"),
}  # fmt: skip


class Leaf(NamedTuple):
    """What can't be shown to be safe, and the file it stands in."""

    path: Path
    line: int
    text: str


def last_name(node: ast.expr) -> str:
    """``cards.badge`` is ``badge``, ``names[id]`` is ``names``."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def within(function: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, but not in those inside it."""
    for part in ast.iter_child_nodes(function):
        yield part
        if not isinstance(part, ast.FunctionDef | ast.Lambda):
            yield from within(part)


@cache
def tree(path: Path) -> tuple[ast.Module, dict[ast.AST, ast.AST]]:
    """A file, and what each part of it stands in."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    return module, {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}


@cache
def functions() -> dict[str, list[tuple[Path, ast.FunctionDef]]]:
    """Every function of the dashboard by its name."""
    found: dict[str, list[tuple[Path, ast.FunctionDef]]] = {}
    for path in FILES:
        for node in ast.walk(tree(path)[0]):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((path, node))
    return found


class Reader:
    """Follows one expression to its leaves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: set[ast.AST] = set()

    def leaves(self, node: ast.AST | None) -> Iterator[Leaf]:
        """What is not known to be safe."""
        if isinstance(node, Told):
            yield node.leaf
            return
        if node is None or node in self.seen:
            return
        self.seen.add(node)
        parts = self.parts(node)
        if parts is None:
            yield Leaf(self.path, getattr(node, "lineno", 0), ast.unparse(node)[:80])
            return
        for part in parts:
            yield from self.leaves(part)

    def parts(self, node: ast.AST) -> list[ast.AST] | None:
        """What an expression is made of; nothing when it is safe, None when nothing is known."""
        match node:
            case ast.Constant() | ast.Compare():
                return []
            case ast.JoinedStr(values=values) | ast.BoolOp(values=values):
                return list(values)
            case ast.List(elts=values) | ast.Tuple(elts=values):
                return list(values)
            case ast.Dict(keys=keys, values=values):
                return [*(key for key in keys if key is not None), *values]
            case ast.BinOp(left=left, right=right):
                return [left, right]
            case ast.IfExp(body=body, orelse=orelse):
                return [body, orelse]
            case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner) | ast.Lambda(body=inner):
                return [inner]
            case ast.DictComp(key=key, value=inner):
                return [key, inner]
            case ast.FormattedValue(value=inner) | ast.NamedExpr(value=inner) | ast.Starred(value=inner):
                return [inner]
            case ast.Subscript(value=inner):
                return [] if constant(node) else [inner] if isinstance(inner, (ast.Name, ast.Call)) else None
            case ast.Call():
                return self.call(node)
            case ast.Name():
                return [] if constant(node) else self.name(node)
            case ast.Attribute(value=inner, attr="__getitem__"):
                return [inner]
            case ast.Attribute() if constant(node):
                return []
            case ast.UnaryOp(op=ast.Not()):
                return []
        return None

    def call(self, node: ast.Call) -> list[ast.AST] | None:
        """What a call returns."""
        name, arguments = last_name(node.func), [*node.args, *(keyword.value for keyword in node.keywords)]
        if name in SAFE:
            return []
        if name in {"_", "n_"}:
            return [keyword.value for keyword in node.keywords]
        if name == "say":
            one = node.args[0]
            declared = isinstance(one, ast.Attribute) and one.attr in DECLARED
            return [] if declared or (isinstance(one, ast.Subscript) and constant(one)) else None
        if name in {
            "join",
            "listed",
            "filter",
            "list",
            "dict",
            "enumerate",
            "zip",
            "reversed",
            "removesuffix",
            "strip",
            "get",
        }:
            base = node.func.value if isinstance(node.func, ast.Attribute) else None
            return [*([base] if base is not None and name in {"removesuffix", "strip", "get"} else []), *arguments]
        if name == "format" and isinstance(node.func, ast.Attribute):
            return [node.func.value, *arguments]
        known = self.ours(node.func)
        if not known:
            return None
        returned: list[ast.AST] = []
        for path, function in known:
            inner = Reader(path)
            inner.seen = self.seen
            for part in within(function):
                if isinstance(part, ast.Return | ast.Yield) and part.value is not None:
                    returned += [Told(leaf) for leaf in inner.leaves(part.value)]  # type: ignore[misc]
        return returned

    def ours(self, function: ast.expr) -> list[tuple[Path, ast.FunctionDef]]:
        """The functions of ours that may be meant: of this file, of the module named before the dot, or imported."""
        known = functions().get(last_name(function), [])
        if isinstance(function, ast.Name):
            return [one for one in known if one[0] == self.path] or known
        module = last_name(function.value) if isinstance(function, ast.Attribute) else ""
        return [one for one in known if one[0].stem == module or (module == "self" and one[0] == self.path)]

    def name(self, node: ast.Name) -> list[ast.AST] | None:
        """Whatever a name was ever bound to, in the function it is used in and those around it."""
        _module, above = tree(self.path)
        place: ast.AST | None = node
        while place is not None:
            place = above.get(place)
            if isinstance(place, ast.FunctionDef | ast.Module):
                if isinstance(place, ast.FunctionDef) and (place.name, node.id) in TRUSTED:
                    return []
                if found := list(self.bound(place, node.id)):
                    return found
        return None

    def bound(self, place: ast.AST, name: str) -> Iterator[ast.AST]:
        """Values given to a name inside ``place``."""
        for part in ast.walk(place):
            match part:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        yield from self.taken(target, value, name)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value)
                    | ast.AugAssign(target=target, value=value)
                    | ast.NamedExpr(target=target, value=value)
                ):
                    yield from self.taken(target, value, name)
                case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                    yield from self.taken(target, value, name)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append" | "update"), args=values):
                    if owner == name:
                        yield from values

    @staticmethod
    def taken(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.AST]:
        """The part of ``value`` that a name in ``target`` is given."""
        if (
            isinstance(target, ast.Name)
            and target.id == name
            or isinstance(target, ast.Subscript)
            and last_name(target.value) == name
        ):
            yield value
        elif isinstance(target, ast.Tuple):
            places = [place for place, one in enumerate(target.elts) if last_name(one) == name]
            for place in places:
                alike = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
                yield value.elts[place] if alike else value  # type: ignore[attr-defined]


class Told(ast.AST):
    """A leaf found in another file, on its way back to whoever asked."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf


def constant(node: ast.AST) -> bool:
    """A module's constant, or something in it."""
    return isinstance(node, ast.expr) and re.fullmatch(r"_?[A-Z][A-Z_]*", last_name(node)) is not None


def found_in(path: Path) -> list[str]:
    """Every place of a file where something not known to be safe reaches Markdown."""
    wrong = []
    for node in ast.walk(tree(path)[0]):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.attr
        owner = last_name(node.func.value)
        if name not in SINKS or owner in OTHERS or owner != OWNERS.get(name, owner):
            continue
        given: list[ast.expr] = [node.args[place] for place in SINKS[name] if place < len(node.args)]
        given += [keyword.value for keyword in node.keywords if keyword.arg in ALSO]
        if name in DRAWN:
            given += [keyword.value for keyword in node.keywords if keyword.arg == "format_func"]
        for expression in given:
            wrong += [
                f"{leaf.path.name}:{leaf.line}: {leaf.text} (in {name}, line {node.lineno})"
                for leaf in Reader(path).leaves(expression)
            ]
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_data_reaches_markdown_only_escaped(path: Path) -> None:
    assert found_in(path) == []


@pytest.mark.parametrize(
    ("lines", "caught"),
    [
        ("st.error(say(trouble))", "say(trouble)"),
        ("said = say(trouble)\n    st.error(f'**{said}**')", "say(trouble)"),
        ("for each in trouble.problems:\n        st.error(say(each))", "say(each)"),
        ("st.caption(_('By {who}', who=found.name))", "found.name"),
        ("spot.markdown(found.name if found else '')", "found.name"),
        ("lines = []\n    lines.append(found.name)\n    st.markdown(' '.join(lines))", "found.name"),
        ("st.pills('x', options, format_func=lambda id: names[id].name)", "names[id].name"),
        ("st.button(_('Save'), help=written(found))", "found.note"),
        ("st.table([{'a': found.name}])", "found.name"),
        ("st.metric('x', number(3), found.name)", "found.name"),
        ("st.header(trouble)", "trouble"),
        ("cards.told(trouble)", ""),
        ("st.error(plain(say(trouble)))", ""),
        ("st.caption(_('By {who}', who=plain(found.name)))", ""),
        ("st.header(say(found.label))", ""),
        ("st.markdown(MARKS[found.kind] + f' {number(found.n)}')", ""),
    ],
)
def test_the_reading_finds_what_it_is_there_for(tmp_path: Path, lines: str, caught: str) -> None:
    path = tmp_path / "page.py"
    path.write_text(
        f"def page(trouble, found, names, spot):\n    {lines}\n\ndef written(one):\n    return found.note\n"
    )
    functions().setdefault("written", []).append((path, tree(path)[0].body[1]))  # type: ignore[arg-type]
    try:
        told = found_in(path)
    finally:
        functions().pop("written")
    assert [each.split(": ")[1].split(" (in ")[0] for each in told] == ([caught] if caught else [])

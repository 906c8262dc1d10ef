"""Formulas as MathML, which browsers draw without a script or a font from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

_FUNCTION = re.compile(
    r"(?<!<msu[bp]>)(<mi>(?:sin|cos|tanh|ln|log|exp)</mi>)(?!</|<mo[^>]*>&#x00028;)"
)


def as_mathml(formula: str, display: str = "inline") -> str:
    """Return a formula with upright names of functions, and a space behind them as TeX has it."""
    written = convert(formula.replace(r"\operatorname", r"\mathrm"), display=display)
    return _FUNCTION.sub(r'\1<mspace width="0.17em"/>', written)


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(as_mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    formula = as_mathml(node.astext(), "block")  # reached by the keyboard, to scroll it
    writer.body.append(f'<div class="formula" tabindex="0" role="math">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

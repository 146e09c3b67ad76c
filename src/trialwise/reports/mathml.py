"""Conversion of LaTeX equations to MathML, which browsers render without network access or scripts.

The output of the converter is not trusted: the LaTeX may come from an untrusted file and can contain links and styles, so that only
the elements and attributes listed here are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from trialwise.learners.docstring import lines

if TYPE_CHECKING:
    from markupsafe import Markup

_ELEMENTS = frozenset(
    [
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "mrow",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "mover",
        "munder",
        "munderover",
        "msub",
        "msup",
        "msubsup",
        "mtable",
        "mtr",
        "mtd",
        "mphantom",
        "mpadded",
    ]
)
_ATTRIBUTES = frozenset(
    [
        "mathvariant",
        "displaystyle",
        "scriptlevel",
        "stretchy",
        "fence",
        "separator",
        "form",
        "lspace",
        "rspace",
        "minsize",
        "maxsize",
        "width",
        "accent",
        "linethickness",
    ]
)


def displayed(latex: str) -> Markup:
    """A displayed equation, one row per line, aligned at the relation signs."""
    table = ElementTree.Element("mtable", {"displaystyle": "true"})
    for cells in lines(latex):
        row = ElementTree.SubElement(table, "mtr")
        for number, cell in enumerate(cells):
            content = _convert(cell)
            if number and len(content) and content[0].tag == "mo":
                content[0].set("form", "infix")  # a relation whose left-hand side is in the previous cell
            ElementTree.SubElement(row, "mtd").append(content)
    return _math(table, {"display": "block"}, latex)


def inline(latex: str) -> Markup:
    """An equation in running text."""
    return _math(_convert(latex), {}, latex)


def _math(content: ElementTree.Element, attributes: dict[str, str], latex: str) -> Markup:
    from markupsafe import Markup

    math = ElementTree.Element("math", {**attributes, "alttext": " ".join(latex.split())})
    math.append(content)
    return Markup(ElementTree.tostring(math, encoding="unicode"))


def _convert(latex: str) -> ElementTree.Element:
    """Convert one line without alignment marks; LaTeX that cannot be converted is returned as text."""
    from latex2mathml.converter import convert

    try:
        converted = _sanitise(ElementTree.fromstring(convert(latex)))
        if converted is not None:
            return converted
    except Exception:  # the converter raises exceptions of many types
        pass
    text = ElementTree.Element("mtext")
    text.text = latex
    return text


def _sanitise(element: ElementTree.Element) -> ElementTree.Element | None:
    """The element with its allowed children and attributes; an element that is not allowed is replaced by its children."""
    name = element.tag.split("}")[-1]
    children = [each for child in element if (each := _sanitise(child)) is not None]
    if name not in _ELEMENTS:
        if len(children) == 1:
            return children[0]
        name = "mrow"
    sanitised = ElementTree.Element(name, {k: v for k, v in element.attrib.items() if k in _ATTRIBUTES})
    sanitised.text = element.text
    sanitised.extend(children)
    return _merge_letters(_fix_identifier(sanitised))


def _fix_identifier(element: ElementTree.Element) -> ElementTree.Element:
    """Correct identifiers that the converter produces for unknown commands: a relation sign, or the name of a function."""
    if element.tag == "mi" and element.text == "~":
        element.tag, element.text = "mo", "∼"
    elif element.tag == "mi" and element.text:
        element.text = element.text.removeprefix("\\")
    return element


def _merge_letters(element: ElementTree.Element) -> ElementTree.Element:
    """Merge adjacent upright letters into one identifier, which browsers set upright as a word."""
    letters = list(element)
    upright = all(each.tag == "mi" and each.get("mathvariant") == "normal" for each in letters)
    if element.tag not in ("mrow", "mstyle") or len(letters) < 2 or not upright:
        return element
    word = ElementTree.Element("mi")
    word.text = "".join(each.text or "" for each in letters)
    return word

"""Equations for a page: LaTeX to MathML, which browsers draw without network or script.

The converter is not trusted: of what it gives, only the elements and attributes named here pass, for the LaTeX may come with a file
from anywhere and LaTeX can ask for links and styles.
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
    """A displayed equation, a row for each of its lines, relation signs below each other."""
    table = ElementTree.Element("mtable", {"displaystyle": "true"})
    for cells in lines(latex):
        row = ElementTree.SubElement(table, "mtr")
        for number, cell in enumerate(cells):
            content = _converted(cell)
            if number and len(content) and content[0].tag == "mo":
                content[0].set("form", "infix")  # a relation whose left side is in the cell before
            ElementTree.SubElement(row, "mtd").append(content)
    return _math(table, {"display": "block"}, latex)


def inline(latex: str) -> Markup:
    """An equation in running text."""
    return _math(_converted(latex), {}, latex)


def _math(content: ElementTree.Element, attributes: dict[str, str], latex: str) -> Markup:
    from markupsafe import Markup

    math = ElementTree.Element("math", {**attributes, "alttext": " ".join(latex.split())})
    math.append(content)
    return Markup(ElementTree.tostring(math, encoding="unicode"))


def _converted(latex: str) -> ElementTree.Element:
    """One line without alignment marks as a row of elements; what cannot be converted as it was written."""
    from latex2mathml.converter import convert

    try:
        found = _passed(ElementTree.fromstring(convert(latex)))
        if found is not None:
            return found
    except Exception:  # the converter raises whatever it meets with
        pass
    written = ElementTree.Element("mtext")
    written.text = latex
    return written


def _passed(element: ElementTree.Element) -> ElementTree.Element | None:
    """The element and what is in it, as far as they may pass; an unknown one is replaced by what it holds."""
    name = element.tag.split("}")[-1]
    inside = [each for child in element if (each := _passed(child)) is not None]
    if name not in _ELEMENTS:
        if len(inside) == 1:
            return inside[0]
        name = "mrow"
    kept = ElementTree.Element(name, {k: v for k, v in element.attrib.items() if k in _ATTRIBUTES})
    kept.text = element.text
    kept.extend(inside)
    return _word(_told(kept))


def _told(element: ElementTree.Element) -> ElementTree.Element:
    """An identifier that the converter made of what it does not know: a relation sign, or a name such as that of a function."""
    if element.tag == "mi" and element.text == "~":
        element.tag, element.text = "mo", "∼"
    elif element.tag == "mi" and element.text:
        element.text = element.text.removeprefix("\\")
    return element


def _word(element: ElementTree.Element) -> ElementTree.Element:
    """Upright letters side by side as one word, which is drawn upright and set as one."""
    letters = list(element)
    upright = all(each.tag == "mi" and each.get("mathvariant") == "normal" for each in letters)
    if element.tag not in ("mrow", "mstyle") or len(letters) < 2 or not upright:
        return element
    word = ElementTree.Element("mi")
    word.text = "".join(each.text or "" for each in letters)
    return word

"""REPORT.html: Markdown and its figures in one file that loads nothing from anywhere, with tables that sort."""

import base64
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token


def html_page(title: str, documents: dict[str, str], figures: Path) -> str:
    """Return Markdown documents, by file name, as one page of HTML5.

    Links between the documents become links within the page, and images are read from the folder `figures`. HTML in
    the Markdown is text. A policy in the page forbids every request.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = "\n<hr>\n".join(_html(parser, name, documents, figures) for name in documents)
    environment = jinja2.Environment(loader=jinja2.PackageLoader("attnbench", "report"), autoescape=True)
    return environment.get_template("page.html.j2").render(title=title, body=body)


def _html(parser: MarkdownIt, document: str, documents: dict[str, str], figures: Path) -> str:
    tokens = parser.parse(documents[document])
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _id(document, anchor(following.content)))
        for child in token.children or []:
            _localise(child, document, documents, figures)
    html = str(parser.renderer.render(tokens, parser.options, {}))
    # numbers are many, and the page aligns them
    html = html.replace(' style="text-align:left"', ' class="words"').replace(' style="text-align:right"', "")
    # a long name of a variant breaks after an underscore
    html = re.sub(r"<code>[^<]+", lambda name: name[0].replace("_", "_<wbr>"), html)
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def _localise(token: Token, document: str, documents: dict[str, str], figures: Path) -> None:
    """Make a link of a document to itself or to another one, or the source of an image, one within the page."""
    if token.type == "link_open":
        name, _, heading = str(token.attrs["href"]).partition("#")
        name = name or document
        if name in documents:
            token.attrSet("href", "#" + _id(name, heading or anchor(documents[name].partition("\n")[0])))
    elif token.type == "image":
        token.attrSet("src", _data_url(figures / Path(str(token.attrs["src"])).name))


def _data_url(file: Path) -> str:
    """Return an image as a URL that holds it; SVG as text, a seventh shorter than its base64."""
    if file.suffix == ".svg":
        text = file.read_text(encoding="utf-8").replace('"', "'")  # `"` takes three letters in a URL
        return "data:image/svg+xml," + quote(text, safe=" !$'()*+,-./:;=?@[]_{|}~")
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def _id(document: str, name: str) -> str:
    """Return the id of a heading in the page: documents may have headings of one name."""
    return f"{Path(document).stem.lower()}-{name}"


def anchor(heading: str) -> str:
    """Return the name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")

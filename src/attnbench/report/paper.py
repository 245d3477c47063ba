"""The folder `paper`: booktabs tables, BibTeX and a main.tex that includes them and the figures."""

import re
from collections.abc import Mapping
from textwrap import wrap

import jinja2
import pandas as pd

from attnbench.report import formatting, method, tables
from attnbench.report.inputs import Inputs

_CITED = re.compile(
    r"(?P<author>[^\s,:]+(, [^\s,:]+)*): (?P<title>.+?)\. (?P<venue>[^.]*?),? (?P<year>(19|20)\d\d)[^.]*\. (?P<id>.+)"
)
_HEADING = 11  # characters of a line of a heading
_LONGEST = 25  # characters of a name in one line
_LATEX = {sign: f"\\{sign}" for sign in "&%$#_{}"}
_LATEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_CAPTIONS = {
    "forest": "Differences in test accuracy with their simultaneous intervals; every seed is a point.",
    "price": "Difference to the baseline against the time of a training step and of inference.",
    "learning": "Accuracy on training and on validation images, and the difference to the baseline.",
}
FIGURES = tuple(_CAPTIONS)  # as PDF in the folder


def paper(inputs: Inputs) -> dict[str, str]:
    """Return file name -> text; figures are those of `FIGURES`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attnbench", "report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters |= formatting.FILTERS | {"latex": latex}
    papers = method.papers(inputs.study)
    texts = {"results.tex": results_table(inputs), "comparisons.tex": booktabs(tables.comparison_table(inputs))}
    main = environment.get_template("main.tex.j2").render(inputs=inputs, captions=_CAPTIONS, keys=list(papers))
    return {"main.tex": main, "references.bib": bibliography(papers), **texts}


def latex(text: str) -> str:
    """Return user-supplied text on one line, with the characters escaped that LaTeX would interpret."""
    return "".join(_LATEX.get(sign, sign) for sign in formatting.one_line(text))


def results_table(inputs: Inputs) -> str:
    """Return the main table; the highest accuracy and the decided differences are bold."""
    frame = tables.main_table(inputs)
    exact = inputs.tables["accuracy"].set_index("variant")["mean"]
    best = frame["Variant"].map(exact) == exact[list(frame["Variant"])].max()
    decided = [isinstance(word, str) and word != "inconclusive" for word in frame["Verdict"]]
    bold = pd.DataFrame(False, frame.index, frame.columns)
    bold["Accuracy, %"] = best
    bold["Difference, points"] = decided
    return booktabs(frame, bold)


def booktabs(frame: pd.DataFrame, bold: pd.DataFrame | None = None) -> str:
    """Return a table that may run over several pages; `bold` says which cells are bold.

    Headings take several lines, and long names break after an underscore, so that the table fits the page.
    """
    missing = formatting.MISSING
    texts = frame.map(lambda value: missing if pd.isna(value) else _number(latex(str(value))))
    if bold is not None:
        texts = texts.where(~bold, r"\textbf{" + texts + "}")
    forms = [_form(name, frame[name]) for name in frame.columns]
    for name, form in zip(frame.columns, forms, strict=True):
        if form.startswith("p"):
            texts[name] = r"\raggedright " + texts[name].str.replace(r"\_", r"\_\allowbreak{}", regex=False)
    texts.columns = pd.Index(
        [_heading(str(name), "r" if form == "r" else "l") for name, form in zip(frame.columns, forms, strict=True)]
    )
    return str(
        texts.style.hide(axis="index").to_latex(hrules=True, environment="longtable", column_format="".join(forms))
    )


def _form(name: str, values: pd.Series) -> str:
    """Return the alignment of a column: texts left, in a column of fixed width where one is long, and numbers right."""
    if name not in (*tables.NAMES, *tables.WORDS):
        return "r"
    return f"p{{{_LONGEST / 2:g}em}}" if values.fillna("").str.len().max() > _LONGEST else "l"


def _heading(name: str, side: str) -> str:
    return rf"\shortstack[{side}]{{" + r"\\".join(latex(line) for line in wrap(name, _HEADING)) + "}"


def _number(text: str) -> str:
    """Return the text with its minus signs, which are hyphens, as LaTeX's."""
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", text)


def bibliography(papers: Mapping[str, str]) -> str:
    """Return BibTeX entries by module; a text of another form than `Authors: Title. Venue Year. Address` is a note."""
    return "\n".join(_entry(name, text) for name, text in papers.items())


def _entry(name: str, text: str) -> str:
    if match := _CITED.fullmatch(formatting.one_line(text)):
        cited = match.groupdict()
        authors = cited["author"].replace(", ", " and ")
        fields = {"author": authors, "title": "{" + latex(cited["title"]) + "}", "year": cited["year"]}
        fields |= {"howpublished": latex(cited["venue"]), "note": latex(cited["id"])}
    else:
        fields = {"key": name, "note": latex(text)}  # an entry without an author is sorted by its key
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items()]
    return "\n".join([f"@misc{{{name},", *lines, "}", ""])

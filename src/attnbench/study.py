"""Check a whole params.yaml before anything runs: its form, and that every name in it stands for something.

All problems are told at once, so the checks here read the plain values and step over what the schema refuses.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from attnbench import attention, backbones
from attnbench.config.document import Location, read
from attnbench.config.load import validate
from attnbench.config.problems import refuse
from attnbench.config.schema import Study, Variant
from attnbench.errors import UserError, did_you_mean, listed
from attnbench.families import Option

Finding = tuple[Location, str]


def load(path: Path) -> Study:
    """Read a params.yaml and check it against the schema and the modules and backbones there are.

    Raises:
        UserError: tells every problem, each as `file:line:column: key: what was given, what is allowed`.
    """
    values, positions = read(path)
    study, problems = validate(values, positions)
    findings = [*_place(path, values), *_backbone(values), *_variants(values), *_repetitions(values)]
    specific = [positions.problem(location, text) for location, text in findings]
    told = {problem.key for problem in specific}  # knows the modules, so it says more than the schema does
    problems = [problem for problem in problems if problem.key not in told] + specific
    if study is None or problems:
        raise positions.refusal(problems)
    return study


def _place(path: Path, values: dict[str, Any]) -> Iterator[Finding]:
    """The file says where it is, since DVC runs every stage at the root: a copied file must say its new place."""
    root, params, study = (values.get(key) for key in ("root", "params", "study"))
    if isinstance(root, str) and isinstance(params, str) and (path.parent / root / params).resolve() != path.resolve():
        yield ("params",), f"given {params!r}, which from {root!r} is not this file; give its path from the root"
    folder = path.resolve().parent
    if folder.parent.name == "studies" and isinstance(study, str) and study != folder.name:
        yield ("study",), f"given {study!r}; must be {folder.name!r}, the name of its folder"


def _backbone(values: dict[str, Any]) -> Iterator[Finding]:
    backbone = _mapping(values.get("backbone"))
    name = backbone.get("name")
    if not isinstance(name, str):
        return
    if name not in backbones.names():
        yield ("backbone", "name"), _unknown(name, "backbone", backbones.names())
        return
    options = _mapping(backbone.get("options"))
    yield from _options(options, ("backbone",), name, backbones.options(name), "backbones")


def _variants(values: dict[str, Any]) -> Iterator[Finding]:
    variants = _mapping(values.get("variants"))
    baseline = values.get("baseline")
    if isinstance(baseline, str) and baseline not in variants:
        yield ("baseline",), _unknown(baseline, "variant", [str(name) for name in variants])
    backbone = _mapping(values.get("backbone")).get("name")
    known = backbone if backbone in backbones.names() else None
    for name, variant in variants.items():
        attention_name = _mapping(variant).get("attention")
        if attention_name == attention.NONE:
            yield from _useless(variant, ("variants", name))
        elif isinstance(attention_name, str):
            yield from _attention(variant, attention_name, ("variants", name))
            if known is not None:
                yield from _site(variant, known, ("variants", name))
                yield from _stages(variant, known, ("variants", name))


def _useless(variant: dict[str, Any], at: Location) -> Iterator[Finding]:
    for key in ("options", "site", "stages"):
        if key in variant:
            yield (
                (*at, key),
                f"means nothing with `attention: {attention.NONE}`; remove it, or name an attention module",
            )


def _attention(variant: dict[str, Any], name: str, at: Location) -> Iterator[Finding]:
    names = attention.names()
    if name not in names:
        yield (*at, "attention"), _unknown(name, "attention module", [attention.NONE, *names])
        return
    try:
        allowed = attention.options(name)
    except (SyntaxError, TypeError, ValueError) as error:
        yield (*at, "attention"), f"the options of {name} cannot be read from {attention.path(name)}: {error}"
        return
    for key, value in variant.items():
        near = get_close_matches(str(key), list(allowed), n=1)
        if key not in Variant.model_fields and near:
            yield (*at, key), f"unknown key; {name} has an option {near[0]!r}: write `options: {{{near[0]}: {value}}}`"
    yield from _options(_mapping(variant.get("options")), at, name, allowed, "attention")


def _options(
    given: dict[str, Any], at: Location, name: str, allowed: dict[str, Option], folder: str
) -> Iterator[Finding]:
    for key, value in given.items():
        location = (*at, "options", key)
        if key not in allowed:
            known = f"allowed: {listed(list(allowed))}" if allowed else "it has none"
            where = f"src/attnbench/{folder}/{name}.py"
            yield location, f"{name} has no such option ({where}); {known}{did_you_mean(str(key), list(allowed))}"
            continue
        try:
            TypeAdapter(allowed[key].type).validate_python(value, strict=True)
        except ValidationError as error:
            yield (
                location,
                f"{refuse(error.errors(include_url=False))}; {name} takes {allowed[key].default!r} if not given",
            )


def _site(variant: dict[str, Any], backbone: str, at: Location) -> Iterator[Finding]:
    site, sites = variant.get("site"), list(backbones.sites(backbone))
    if site is None:
        text = f"missing; add `site: {sites[0]}`; allowed for {backbone}: {listed(sites)}"
        yield (*at, "site"), text
    elif isinstance(site, str) and site not in sites:
        yield (*at, "site"), _unknown(site, f"site of {backbone}", sites)


def _stages(variant: dict[str, Any], backbone: str, at: Location) -> Iterator[Finding]:
    stages, count = variant.get("stages"), backbones.stage_count(backbone)
    if stages == []:
        yield (*at, "stages"), f"given []; name a stage of 1 to {count}, or write `attention: {attention.NONE}` alone"
    for index, stage in enumerate(stages if isinstance(stages, list) else []):
        if isinstance(stage, int) and stage > count:
            yield (*at, "stages", index), f"given {stage}; {backbone} has stages 1 to {count}"
    yield from _repeated(stages, (*at, "stages"))


def _repetitions(values: dict[str, Any]) -> Iterator[Finding]:
    yield from _repeated(values.get("seeds"), ("seeds",), "; two runs would have the same name")
    yield from _repeated(_mapping(values.get("recipe")).get("augmentation"), ("recipe", "augmentation"))
    yield from _repeated(_mapping(values.get("latency")).get("batch_sizes"), ("latency", "batch_sizes"))


def _repeated(items: Any, at: Location, why: str = "") -> Iterator[Finding]:
    for index, item in enumerate(items if isinstance(items, list) else []):
        if item in items[:index]:
            yield (*at, index), f"{item!r} is listed twice{why}; remove one"


def _unknown(name: str, kind: str, allowed: list[str]) -> str:
    return f"no {kind} {name!r}; allowed: {listed(allowed)}{did_you_mean(name, allowed)}"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def require(study: Study, path: Path, variant: str, seed: int | None = None) -> None:
    """Refuse a variant or a seed that the study does not have.

    Raises:
        UserError: names what was given and what the file has.
    """
    if variant not in study.variants:
        names = list(study.variants)
        raise UserError(f"{path} has no variant {variant!r}{did_you_mean(variant, names)}; allowed: {listed(names)}")
    if seed is not None and seed not in study.seeds:
        raise UserError(
            f"{path} has no seed {seed}; allowed: {', '.join(map(str, study.seeds))}. Add it under `seeds:`"
        )

"""Our counts beside those of the libraries, and what is to be said where they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnbench.report.tables.form import MISSING
from attnbench.study.module_files import written
from attnbench.tools.catalogue.libraries import CHANNELS, Cited, Counts, Entry, Library, Result

DIFFERENT = "≠"
_SPACE = "\N{NO-BREAK SPACE}"  # a number and its mark stay in one line


@dataclass(frozen=True)
class Comparison:
    """`ours` is module -> C -> parameters; libraries go by the stem of their file."""

    ours: Mapping[str, Mapping[int, int]]
    libraries: Mapping[str, Library]
    counts: Counts

    def keys(self, name: str) -> list[str]:
        """Return the libraries that have a module."""
        return [key for key, library in self.libraries.items() if name in library.modules]

    def entry(self, key: str, name: str) -> Entry:
        """Return how a library's module is called."""
        return self.libraries[key].modules[name]

    def results(self, key: str, name: str) -> Mapping[int, Result]:
        """Return what was counted on a library's module."""
        return self.counts.counted[key].parameters[name]

    def differs(self, key: str, name: str) -> bool:
        """Say whether a number differs from ours at any C; an exception is no number."""
        results = self.results(key, name).items()
        return any(isinstance(found, int) and found != self.ours[name][channels] for channels, found in results)

    def cited(self, name: str) -> list[Cited]:
        """Return what is known of the module elsewhere and was not run here."""
        return [cited for cited in self.counts.cited if cited.module == name]

    def cell(self, key: str, name: str, channels: int) -> str:
        """Return a cell: a number, marked where it is not ours; the type of an exception; a dash for no module."""
        if name not in self.libraries[key].modules:
            return MISSING
        found = self.results(key, name)[channels]
        if isinstance(found, str):
            return found.partition(":")[0]
        return f"{found:,}" if found == self.ours[name][channels] else f"{found:,}{_SPACE}{DIFFERENT}"

    def remarks(self, key: str, name: str) -> str:
        """Return what there is to say of a library's module, as sentences of Markdown."""
        entry, results = self.entry(key, name), self.results(key, name)
        numbers = [found for found in results.values() if isinstance(found, int)]
        said = [entry.reason] if entry.reason else []
        if numbers and not self.differs(key, name):
            said.append("As many as here.")
        if entry.same_with is not None:
            options = ", ".join(f"{option}: {written(value)}" for option, value in entry.same_with.items())
            said.append(f"Here `{options}` has as many.")
        said += _raised({channels: found for channels, found in results.items() if isinstance(found, str)})
        forward = self.counts.counted[key].forward[name]
        if numbers and forward != "ok":
            said.append(_forward(forward))
        said += [entry.note] if entry.note else []
        return " ".join(said)


def by_width(parameters: Mapping[int, int]) -> str:
    """Return counts in words: `580 at C = 64, 2,184 at C = 128`, or `303 at every C`."""
    found = set(parameters.values())
    if len(found) == 1 and tuple(parameters) == CHANNELS:
        return f"{found.pop():,} at every C"
    return ", ".join(f"{count:,} at C = {channels:,}" for channels, count in parameters.items())


def _raised(exceptions: Mapping[int, str]) -> list[str]:
    """Return a sentence for each exception: which, and at which C."""
    said: dict[str, list[int]] = {}
    for channels, text in exceptions.items():
        said.setdefault(text, []).append(channels)
    return [f"At {_widths(at)}: `{text}`." for text, at in said.items()]


def _widths(channels: Sequence[int]) -> str:
    """Return `every C`, or `C = 16, 32`."""
    return "every C" if tuple(channels) == CHANNELS else f"C = {', '.join(f'{width:,}' for width in channels)}"


def _forward(text: str) -> str:
    given = "maps (2, 64, 32, 32)"
    return f"Of {given} it makes {text}: the gate alone." if text.startswith("maps ") else f"On {given}: `{text}`."

"""The tables of a site file, as its parsers read them: each knows its place, so that an error can name the line."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

Made = TypeVar("Made")
HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]")
KEY = re.compile(r"""\s*([\w.\s"'-]+?)\s*=""")


class SiteError(ValueError):
    """A site file that cannot be used; the message says where and what to write instead. ``place`` is the table and key,
    e.g. ``act.follow.press``; empty for a file that cannot be read at all.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


class Table:
    """One table of a site file: knows its place, and in the end that nothing in it was left unread."""

    def __init__(self, content: object, source: str, place: str = "") -> None:
        self._source, self._place = source, place
        if not isinstance(content, Mapping):
            raise self.fail('must be a table, e.g. { role = "button", name = "Follow" }.')
        self._content = content
        self._read: set[str] = set()

    def fail(self, sentence: str, name: str = "") -> SiteError:
        """An error at this place."""
        place = self._inside(name) if name else self._place
        return SiteError(f"{self._source}{f': {place}' if place else ''}: {sentence}", place)

    def _inside(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def has(self, name: str) -> bool:
        return name in self._content

    def value(self, name: str, kind: type[Made], otherwise: Made | None = None) -> Made:
        """A plain value of one type; without ``otherwise`` it must be there."""
        self._read.add(name)
        if name not in self._content:
            if otherwise is None:
                raise self.fail("is missing.", name)
            return otherwise
        found = self._content[name]
        if kind is float and isinstance(found, int) and not isinstance(found, bool):
            return float(found)  # type: ignore[return-value]
        if type(found) is not kind:
            raise self.fail(f"must be a {WORDS[kind]}.", name)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, possibly none."""
        found = self.value(name, list, [])
        if not all(isinstance(one, str) and one for one in found):
            raise self.fail("must be a list of texts.", name)
        return tuple(found)

    def table(self, name: str) -> Table:
        """A table inside this one."""
        self._read.add(name)
        if name not in self._content:
            raise self.fail("is missing.", name)
        return Table(self._content[name], self._source, self._inside(name))

    def optional(self, name: str, parse: Callable[[Table], Made]) -> Made | None:
        """What a table inside this one says, if it is there."""
        return parse(self.table(name)) if self.has(name) else None

    def tables(self, name: str, parse: Callable[[Table], Made]) -> tuple[Made, ...]:
        """What each table of a list says; a single table counts as a list of one."""
        self._read.add(name)
        found = self._content.get(name, [])
        several = found if isinstance(found, list) else [found]
        return tuple(
            parse(Table(one, self._source, f"{self._inside(name)}[{number}]"))
            for number, one in enumerate(several, 1)
        )

    def each(self, parse: Callable[[Table], Made], known: Collection[str]) -> dict[str, Made]:
        """What each table inside says, by name; other names than the known ones are refused."""
        found = {name: parse(self.table(name)) for name in self._content if name in known}
        self.end(known)
        return found

    def end(self, known: Collection[str] = ()) -> None:
        """Refuse what nobody asked for: a misspelt key would otherwise be ignored without a word."""
        allowed = {*self._read, *known}
        for name in self._content:
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, 1)
                hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(sorted(allowed))}."
                raise self.fail(f"is not known here.{hint}", name)


WORDS: dict[type, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    list: "list",
    dict: "table",
}


def line_of(text: str, place: str) -> int:
    """The line of a TOML file that says what is at ``place``, or the nearest table around it; 0 where none does."""
    best, line = 0, 0
    wanted = place.split(".")
    for number, said in _said(text):
        parts = said.split(".")
        if best < len(parts) <= len(wanted) and all(map(_is_at, wanted, parts)):
            best, line = len(parts), number
    return line


def _is_at(wanted: str, part: str) -> bool:
    """Whether a line is about a part of a place; a list that stands in one value is about all that it holds."""
    return part in (wanted, wanted.partition("[")[0])


def _said(text: str) -> Iterator[tuple[int, str]]:
    """Each line that opens a table or gives a value, with the place it is about."""
    table = ""
    lists: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            name = _plain(header[2])
            lists[name] += len(header[1]) - 1
            table = f"{name}[{lists[name]}]" if len(header[1]) == 2 else name
            yield number, table
        elif key := KEY.match(line):
            name = _plain(key[1])
            yield number, f"{table}.{name}" if table else name


def _plain(name: str) -> str:
    return re.sub(r"""[\s"']""", "", name)

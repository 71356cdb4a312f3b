"""A list of accounts, understood row by row: what is wrong with a row is said of that row and stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from accounts.enums import Role
from accounts.services import checks
from leads.formulas import undo_defusing
from leads.importing import ImportFileError
from leads.importing.read import Table
from outreach.lib import networks
from outreach.lib.net import proxies

PLAIN = ("network", "handle", "server", "role", "niche", "time_zone")
PROXY = "proxy"  # an address with a password: kept where the secrets are
NEEDED = ("network", "handle")
ALIASES = {"username": "handle", "account": "handle", "instance": "server", "timezone": "time_zone"}
MAX_ROWS = 20_000
MAX_BYTES = 20_000_000
WIDTHS = {"network": 32, "handle": 255, "server": 255, "niche": 64, "time_zone": 64, "role": 16, PROXY: 500}
LONGEST_SECRET = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One account to connect. With a ``problem`` it is not even tried."""

    number: int
    network: str = ""
    handle: str = ""
    server: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict, repr=False)
    problem: str = ""
    proxy: str = field(default="", repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two rows the same account."""
        return self.network, self.handle.casefold(), self.server.casefold()


def read_csv(content: bytes) -> list[Entry]:
    """The accounts of a CSV file with a header of ``network, handle, server, role, niche, time_zone, proxy`` and what its
    networks need to sign in (``token``, ``password``...). Raises :class:`ImportFileError` for what is no such file.
    """
    if len(content) > MAX_BYTES:
        raise ImportFileError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it.")
    table = Table(lambda: iter([content]))
    header = [_column(name) for name in table.header]
    _check_header(table.header, header)
    return understood(_cells(table, header))


def understood(rows: Iterable[tuple[int, Mapping[str, str], str]]) -> list[Entry]:
    """Rows as (number, values by column, problem); the second row of one account is a problem of its own."""
    seen: dict[tuple[str, str, str], int] = {}
    entries: list[Entry] = []
    for number, values, problem in rows:
        if len(entries) == MAX_ROWS:
            raise ImportFileError(f"There are more than {MAX_ROWS} accounts. Split the list.")
        entry = Entry(number, problem=problem) if problem else _understand(number, values)
        if not entry.problem and (first := seen.setdefault(entry.key, number)) != number:
            entry = _refused(entry, f"It is the same account as row {first}.")
        entries.append(entry)
    if not entries:
        raise ImportFileError("The list is empty. It needs a row for each account.")
    return entries


def _column(name: str) -> str:
    plain = "_".join(name.strip().casefold().replace("-", " ").split())
    return ALIASES.get(plain, plain)


def _check_header(written: Sequence[str], header: Sequence[str]) -> None:
    known = {
        *PLAIN,
        PROXY,
        *(name for network in networks.names() for name in _signs_in(networks.get(network))),
    }
    if missing := [name for name in NEEDED if name not in header]:
        raise ImportFileError(
            f"The first row names no column {' and no '.join(missing)}. Known: {', '.join(sorted(known))}."
        )
    if twice := {name for name in header if header.count(name) > 1}:
        raise ImportFileError(f"The column {min(twice)} is there twice.")
    strange = [text for text, name in zip(written, header, strict=True) if name not in known]
    if strange:
        raise ImportFileError(
            f'The column "{strange[0][:40]}" is not known. Known: {", ".join(sorted(known))}. Leave out what is not needed.'
        )


def _cells(table: Table, header: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str], str]]:
    for row in table.rows():
        if row.problem or row.cells:
            cells = {} if row.problem else {
                name: undo_defusing(cell).strip() for name, cell in zip(header, row.cells, strict=True)
            }  # fmt: skip
            yield row.number, cells, row.problem


def _understand(number: int, values: Mapping[str, str]) -> Entry:
    own = {name: values.get(name, "") for name in PLAIN}
    entry = Entry(number, own["network"].casefold()[:32], own["handle"][:255], own["server"][:255])
    try:
        _check_widths(values)
        network = checks.known_network(entry.network)
        secret = {name: values[name] for name in _signs_in(network) if values.get(name)}
        return Entry(
            number, network.name, _handle(own["handle"]), checks.normal_server(network, own["server"]),
            _fields(own), checks.complete_secret(network, secret), proxy=_proxy(values.get(PROXY, "")),
        )  # fmt: skip
    except ValidationError as refusal:
        return _refused(entry, " ".join(refusal.messages))


def _signs_in(network: networks.Network) -> tuple[str, ...]:
    """The columns with what the network needs, or may be given, to sign in."""
    return (*network.credential_fields, *network.optional_fields)


def _check_widths(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        longest = WIDTHS.get(name, LONGEST_SECRET)
        if len(value) > longest:
            raise ValidationError(f"The column {name} is longer than {longest} characters.")
        if "\0" in value:
            raise ValidationError(f"The column {name} holds a NUL character.")


def _handle(text: str) -> str:
    if handle := checks.normal_handle(text):
        return handle
    raise ValidationError("The handle is missing.")


def _proxy(text: str) -> str:
    """An address as :func:`outreach.lib.net.proxies.parse` has it; whether it works is tried when its row's turn comes."""
    try:
        return proxies.parse(text).url if text else ""
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _fields(own: Mapping[str, str]) -> dict[str, str]:
    fields = {name: own[name] for name in ("role", "niche", "time_zone") if own[name]}
    if "role" in fields:
        fields["role"] = fields["role"].casefold()
        if fields["role"] not in Role.values:
            raise ValidationError(f'"{own["role"][:16]}" is no role. Known: {", ".join(Role.values)}.')
    if "time_zone" in fields:
        checks.known_time_zone(fields["time_zone"])
    return fields


def _refused(entry: Entry, problem: str) -> Entry:
    return Entry(entry.number, entry.network, entry.handle, entry.server, problem=problem)

"""SPF, DKIM, DMARC and MX, asked of a name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from automation.channels.email.domain import Ask, Grade, examine
from automation.channels.email.nameservers import resolver_of

KEY = "v=DKIM1; k=rsa; p=MIGfMA0"
WELL = {
    ("good.test.", "TXT"): ['"v=spf1 include:_spf.good.test -all"', '"other=1"'],
    ("s9._domainkey.good.test.", "TXT"): [f'"{KEY[:10]}" "{KEY[10:]}"'],
    ("_dmarc.good.test.", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:a@good.test"'],
    ("good.test.", "MX"): ["10 mx.good.test."],
}


class NameServer:
    """Answers from ``zone``; knows no other name. ``silent`` lets every question wait."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, whom = self._socket.recvfrom(4096)
            except OSError:
                return
            if not self.silent:
                self._socket.sendto(self._answer(data), whom)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        question = query.question[0]
        answer = dns.message.make_response(query)
        name, kind = question.name.to_text().lower(), question.rdtype.name
        if found := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        answer.flags |= dns.flags.RA
        return answer.to_wire()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[NameServer]:
    found = NameServer()
    yield found
    found.close()


@pytest.fixture
def ask(server: NameServer) -> Ask:
    return resolver_of(["127.0.0.1"], server.port)


def grades(domain: str, ask: Ask, **options: str) -> dict[str, Grade]:
    return {record.name: record.grade for record in examine(domain, ask, **options)}


def test_a_domain_in_order_needs_nothing(server: NameServer, ask: Ask) -> None:
    server.zone = dict(WELL)
    found = examine("good.test", ask, selector="s9")
    assert {record.grade for record in found} == {Grade.GOOD}
    assert {record.advice for record in found} == {""}


def test_an_empty_domain_is_told_what_to_add(server: NameServer, ask: Ask) -> None:
    server.zone = {("bare.test.", "A"): ["192.0.2.1"]}
    found = examine("bare.test", ask)
    assert {record.grade for record in found} == {Grade.MISSING}
    assert all(record.advice for record in found)


@pytest.mark.parametrize(
    ("records", "grade"),
    [
        (['"v=spf1 -all"'], Grade.GOOD),
        (['"v=spf1 redirect=_spf.other.test"'], Grade.GOOD),
        (['"v=spf1 a mx"'], Grade.WEAK),
        (['"v=spf1 +all"'], Grade.WRONG),
        (['"v=spf1 -all"', '"v=spf1 ~all"'], Grade.WRONG),
        (['"v=spf1 ' + "include:a.test " * 11 + '-all"'], Grade.WRONG),
        (['"v=spf10 -all"'], Grade.MISSING),
    ],
)
def test_spf_is_graded(server: NameServer, ask: Ask, records: list[str], grade: Grade) -> None:
    server.zone = {("x.test.", "TXT"): records}
    assert grades("x.test", ask)["SPF"] == grade


@pytest.mark.parametrize(
    ("record", "grade"),
    [
        ("v=DMARC1; p=quarantine", Grade.GOOD), ("v=DMARC1; p=none", Grade.WEAK), ("v=DMARC1; p=maybe", Grade.WRONG),
        ("v=DMARC1", Grade.WRONG), ("hello", Grade.MISSING),
    ],
)  # fmt: skip
def test_dmarc_is_graded(server: NameServer, ask: Ask, record: str, grade: Grade) -> None:
    server.zone = {("_dmarc.x.test.", "TXT"): [f'"{record}"']}
    assert grades("x.test", ask)["DMARC"] == grade
    assert grades("mail.x.test", ask)["DMARC"] == grade  # the domain above speaks for it


def test_a_key_taken_back_and_a_domain_without_mail_are_wrong(server: NameServer, ask: Ask) -> None:
    server.zone = {("default._domainkey.x.test.", "TXT"): ['"v=DKIM1; p="'], ("x.test.", "MX"): ["0 ."]}
    found = grades("x.test", ask)
    assert (found["DKIM"], found["MX"]) == (Grade.WRONG, Grade.WRONG)


def test_a_silent_name_server_says_nothing_about_the_domain(
    server: NameServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.silent = True
    monkeypatch.setattr("automation.channels.email.nameservers.SECONDS", 0.2)
    quick = resolver_of(["127.0.0.1"], server.port)
    assert set(grades("x.test", quick).values()) == {Grade.UNKNOWN}

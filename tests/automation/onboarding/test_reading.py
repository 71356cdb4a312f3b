"""A list of accounts, row by row."""

from __future__ import annotations

import pytest

from automation.onboarding import reading
from leads.importing import ImportFileError

HEADER = "network,handle,server,token,role,niche,time_zone"


def read(*lines: str, header: str = HEADER) -> list[reading.Entry]:
    return reading.read_csv("\n".join([header, *lines]).encode())


def problem(line: str) -> str:
    (entry,) = read(line)
    return entry.problem


def test_a_row_becomes_an_account_to_connect() -> None:
    (entry,) = read("Sandbox, @roast ,http://127.0.0.1:1/,t0k,Chat,coffee,Europe/Berlin")
    assert (entry.number, entry.network, entry.handle, entry.server) == (
        2,
        "sandbox",
        "roast",
        "http://127.0.0.1:1",
    )
    assert entry.secret == {"token": "t0k"}
    assert entry.fields == {"role": "chat", "niche": "coffee", "time_zone": "Europe/Berlin"}
    assert "t0k" not in repr(entry)


def test_columns_go_by_other_names_too() -> None:
    (entry,) = reading.read_csv(
        b"\xef\xbb\xbfNetwork;User name;Instance;Token\nsandbox;roast;http://h:1;t\n".replace(
            b"User name", b"Username"
        )
    )
    assert (entry.handle, entry.server, entry.problem) == ("roast", "http://h:1", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nowhere,a,http://h:1,t,,,", '"nowhere" is not a network.'),
        ("sandbox,,http://h:1,t,,,", "The handle is missing."),
        ("sandbox,a,,t,,,", "Sandbox has many servers."),
        ("sandbox,a,ftp://h,t,,,", '"ftp://h" is no address of a server.'),
        ("sandbox,a,http://h:1,,,,", "Access token is missing."),
        ("sandbox,a,http://h:1,t,king,,", '"king" is no role.'),
        ("sandbox,a,http://h:1,t,,,Mars", '"Mars" is not a time zone.'),
        (f"sandbox,{'a' * 256},http://h:1,t,,,", "The column handle is longer than 255 characters."),
        ("sandbox,a", "The row has 2 cells, the header has 7."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_said_of_it(line: str, said: str) -> None:
    assert problem(line).startswith(said)


def test_a_bad_row_stops_no_other_and_the_second_of_one_account_is_one() -> None:
    entries = read(
        "sandbox,a,http://h:1,t,,,", "sandbox,,,,,,", "sandbox,A,http://H:1,u,,,", "sandbox,a,http://h:2,t,,,"
    )
    assert [entry.problem for entry in entries] == [
        "",
        "The handle is missing.",
        "It is the same account as row 2.",
        "",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"), (b"network,token\n", "names no column handle"), (b"network,handle\n", "The list is empty"),
        (b"network,handle,colour\nsandbox,a,red", 'The column "colour" is not known.'),
        (b"network,handle,username\nsandbox,a,b", "The column handle is there twice."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(content: bytes, said: str) -> None:
    with pytest.raises(ImportFileError, match=said):
        reading.read_csv(content)


def test_too_many_accounts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    with pytest.raises(ImportFileError, match="more than 2 accounts"):
        read(*(f"sandbox,a{number},http://h:1,t,,," for number in range(3)))


def test_a_proxy_is_understood_and_kept_from_sight() -> None:
    (entry,) = read(
        "sandbox,roast,http://127.0.0.1:1,t0k,socks5://ann:canary-9@proxy.example.org:1080",
        header="network,handle,server,token,proxy",
    )
    assert (entry.proxy, entry.problem) == ("socks5://ann:canary-9@proxy.example.org:1080", "")
    assert "canary-9" not in repr(entry)


def test_a_proxy_that_is_none_is_the_rows_problem() -> None:
    (entry,) = read(
        "sandbox,roast,http://127.0.0.1:1,t0k,ftp://ann:canary-9@x",
        header="network,handle,server,token,proxy",
    )
    assert "begins with http:// or socks5://" in entry.problem
    assert "canary-9" not in entry.problem

"""Authorities of an installation's own are trusted beside those everybody knows, and nothing is checked less."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outreach.lib import trust
from outreach.lib.net import transport
from tests.peers.mail import certificates


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The certificate of an authority called Ours."""
    return certificates.authority(tmp_path).bundle


@pytest.fixture
def forgetful() -> Iterator[None]:
    """The process's one context for HTTP is made anew, for the test and after it."""
    transport._ssl_context.cache_clear()
    yield
    transport._ssl_context.cache_clear()


def knows_ours(context: ssl.SSLContext) -> bool:
    return any("Ours" in str(one["subject"]) for one in context.get_ca_certs())


def test_an_authority_is_added_and_nothing_is_checked_less(settings: Any, bundle: Path) -> None:
    plain = ssl.create_default_context()
    settings.TLS_CA_FILE = str(bundle)
    context = trust.also(ssl.create_default_context())
    assert (knows_ours(plain), knows_ours(context)) == (False, True)
    assert len(context.get_ca_certs()) == len(plain.get_ca_certs()) + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_without_the_setting_a_context_stays_as_it_is(settings: Any) -> None:
    settings.TLS_CA_FILE = ""
    assert not knows_ours(trust.also(ssl.create_default_context()))


def test_sites_are_reached_with_it_too(settings: Any, bundle: Path, forgetful: None) -> None:
    assert not knows_ours(transport._ssl_context())
    transport._ssl_context.cache_clear()
    settings.TLS_CA_FILE = str(bundle)
    assert knows_ours(transport._ssl_context())


def test_files_without_a_certificate_are_told(tmp_path: Path, bundle: Path) -> None:
    key = certificates.authority(tmp_path).issue("server")[1]
    (tmp_path / "noise.pem").write_text("-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n")
    found = [
        trust.holds_certificates(one) for one in (bundle, key, tmp_path / "noise.pem", tmp_path / "no.pem")
    ]
    assert found == [True, False, False, False]

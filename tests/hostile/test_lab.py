"""Strangers' text as it really comes: headers, redirects, certificates; and what a terminal shows in the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from botkit.messages.rendering import message_content, to_plain
from lab.authority import Authority, Flaw, Leaf
from lab.exchange import Answer, Request
from lab.federation import Federation
from lab.front import Mount
from plugins.foci.model import Report
from plugins.foci.report.render import to_details, to_document
from tests.foci.examination import Examination
from tests.foci.scenes import ENTRY, NAME, RTC
from tests.foci.terminal import run, write_config
from tests.hostile.reports import FOCI_KEY
from tests.hostile.strings import STRINGS, assert_only_text, assert_readable

SHORT = {name: text for name, text in STRINGS.items() if len(text) < 1_000}
RTC_HOST = "rtc.example.org"


def on_the_wire(text: str) -> str:
    """A header value as near to the string as bytes allow: UTF-8, without line ends and NUL."""
    raw = text.encode("utf-8", "replace").decode("latin-1")
    return raw.replace("\r", " ").replace("\n", " ").replace("\0", " ")


def assert_report_is_text(report: Report) -> None:
    """In a room and in a terminal."""
    for document in (to_document(report), to_details(report)):
        assert_only_text(message_content(document), document)
        assert_readable(to_plain(document))


@pytest.mark.parametrize("name", SHORT)
async def test_headers(name: str, federation: Federation, examination: Examination) -> None:
    """Headers of well-known, homeserver and focus, names and values alike, stay words."""
    value = on_the_wire(SHORT[name])
    hostile = tuple((header, value) for header in ("Server", "Content-Type", "Cache-Control", "Via", "X-Powered-By"))

    async def answer(_: Request) -> Answer:
        return Answer(404, json.dumps({"errcode": SHORT[name]}).encode(), hostile)

    server = await federation.server(NAME, foci=[RTC])
    server.well_known.headers = (*hostile, ("Access-Control-Allow-Origin", value))
    (await federation.site(RTC_HOST)).mount(Mount("", answer))
    report = await examination(NAME)
    assert report.findings
    assert_report_is_text(report)


@pytest.mark.parametrize("name", SHORT)
async def test_redirects(name: str, federation: Federation, examination: Examination) -> None:
    """Wherever a redirect says it leads, the report tells it in words."""
    locations = iter((f"https://{NAME}/{on_the_wire(SHORT[name])}", on_the_wire(SHORT[name]), "ftp://x"))

    async def redirect(_: Request) -> Answer:
        return Answer(302, b"", (("Location", next(locations, "")),))

    (await federation.site(NAME)).mount(Mount("", redirect))
    report = await examination(NAME)
    assert report.well_known.outcome == "failed"
    assert_report_is_text(report)


class NamedAuthority(Authority):
    """
    Certificates of the focus carry names of the test's choice.

    Attributes:
        issuer: common name of the authority behind them.
        names: DNS names they are made out to.
    """

    issuer = "an authority"
    names: Sequence[str] = ()

    def issue(self, *names: str, flaw: Flaw = Flaw.NONE, days: int | None = None) -> Leaf:
        """As the lab does, but for the focus."""
        if names != (RTC_HOST,):
            return super().issue(*names, flaw=flaw, days=days)
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.issuer, _validate=False)])
        ca = self.ca_file.with_name("named-ca.pem")
        builder = (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .public_key(key.public_key())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=60))
            .serial_number(x509.random_serial_number())
        )
        authority = builder.subject_name(issuer).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        ca.write_bytes(authority.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, RTC_HOST)])
        named = x509.SubjectAlternativeName([x509.DNSName(name) for name in self.names or names])
        certificate = builder.subject_name(subject).add_extension(named, False).sign(key, hashes.SHA256())
        leaf = Leaf(ca.with_name("named.pem"), ca.with_name("named.key"))
        leaf.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        leaf.key_file.touch(mode=0o600)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        leaf.key_file.write_bytes(key.private_bytes(*form))
        return leaf


@pytest.fixture
def named(tmp_path: Path) -> NamedAuthority:
    return NamedAuthority(tmp_path / "named")


@pytest.fixture
async def misnamed(tmp_path: Path, named: NamedAuthority) -> AsyncIterator[Federation]:
    """A federation whose focus has such a certificate."""
    async with Federation(tmp_path / "misnamed", authority=named) as federation:
        yield federation


@pytest.mark.parametrize("name", SHORT)
async def test_issuers(name: str, named: NamedAuthority, misnamed: Federation) -> None:
    """The name of an authority that nobody trusts is the only thing it can say."""
    named.issuer = SHORT[name].encode("utf-8", "replace")[:60].decode("utf-8", "ignore")
    await misnamed.focus(RTC)
    await misnamed.server(NAME, foci=[RTC])
    report = await Examination(misnamed, "127.0.0.1:9")(NAME)
    assert {"tls-untrusted", "tls-self-signed"} & {found.code for found in report.findings}
    assert_report_is_text(report)


@pytest.mark.parametrize("name", SHORT)
async def test_certificate_names(name: str, named: NamedAuthority, misnamed: Federation) -> None:
    """A certificate of a trusted authority may be made out to any string, and to many."""
    ascii_only = SHORT[name].encode("ascii", "replace").decode()
    named.names = [ascii_only, *(f"{ascii_only}.{number}.example" for number in range(20))]
    await misnamed.focus(RTC)
    await misnamed.server(NAME, foci=[RTC])
    network = misnamed.authority.ca_file
    named.issue(RTC_HOST)
    network.write_text(network.read_text() + network.with_name("named-ca.pem").read_text())
    report = await Examination(misnamed, "127.0.0.1:9")(NAME)
    assert "tls" in report.summary.lower() or "certificate" in report.summary.lower()
    assert_report_is_text(report)


async def test_the_terminal(tmp_path: Path, federation: Federation) -> None:
    """``check`` prints nothing that moves a cursor, and its first line is one that monitoring can read."""
    await federation.focus(RTC)
    for number, text in enumerate(SHORT.values()):
        published = {
            "m.homeserver": {"base_url": f"https://matrix.example.org/{text}"},
            FOCI_KEY: [{"type": text, "livekit_service_url": text, text: text}, ENTRY, text],
        }
        await federation.server(f"s{number}.example.org", well_known=json.dumps(published).encode(), crowd="all")
    config = write_config(tmp_path, federation)
    names = [f"s{number}.example.org" for number in range(len(SHORT))]
    shown = await run("check", "--config", config, *names, directory=tmp_path)
    assert shown.code == 1
    assert shown.err == ""
    assert_readable(shown.out.translate(dict.fromkeys(map(ord, "✅❌⚠❔▫ℹ"))))
    assert "Traceback" not in shown.out
    for line in shown.out.splitlines():
        assert not line.startswith("WARNING - ") or ("|" not in line and ".example.org: " in line)
    plain = await run("check", "--config", config, "--ascii", *names, directory=tmp_path)
    assert plain.out.isascii()
    told = await run("check", "--config", config, "--json", *names, directory=tmp_path)
    assert [one["foci"][0]["type"] for one in told.report] == list(SHORT.values())

"""Handshakes of a real server in all its ways: what is read of them before OpenSSL reads it breaks none."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from botkit.outbound import Answered, Failed, FailureKind, Phase
from botkit.outbound.tls import ClientContext
from tests.outbound.conftest import Fetch
from tests.outbound.standins import INTERNET, Authority, NameTable

NAME = "good.test"
OLDER, NEWER = "TLSv1.2", "TLSv1.3"

Start = Callable[..., Awaitable[int]]


@pytest.fixture(scope="module")
def openssl() -> str:
    """The program."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("openssl is not installed")
    return found


@pytest.fixture
async def start(openssl: str, authority: Authority, names: NameTable, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts ``openssl s_server`` with further arguments, and returns its port."""
    names.name(NAME, INTERNET)
    running: list[asyncio.subprocess.Process] = []

    async def started(*arguments: str, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> int:
        leaf = authority.ca.issue_cert(NAME, key_type=key_type)
        path = tmp_path / "leaf.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(path)
        above = tmp_path / "above.pem"
        authority.ca.cert_pem.write_to_path(above)
        command = ["s_server", "-accept", f"{INTERNET}:0", "-cert", path, "-key", path, "-cert_chain", above, "-www"]
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            openssl, *command, *arguments, stdin=nothing, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        running.append(process)
        assert process.stdout is not None
        said = b""
        while (found := re.search(rb"ACCEPT .*:(\d+)\n", said)) is None:
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line
        return int(found[1])

    yield started
    for process in running:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("key_type", trustme.KeyType)
@pytest.mark.parametrize(
    ("version", "arguments"),
    [
        (NEWER, ["-ciphersuites", "TLS_AES_128_GCM_SHA256"]),
        (NEWER, ["-ciphersuites", "TLS_AES_256_GCM_SHA384"]),
        (NEWER, ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"]),
        (NEWER, ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "-record_padding", "4096", "-max_send_frag", "512"]),
        (NEWER, ["-record_padding", "16384"]),
        (NEWER, ["-max_send_frag", "512"]),
        (NEWER, ["-stateless"]),  # a HelloRetryRequest with a cookie
        (NEWER, ["-groups", "X25519"]),
        (NEWER, ["-groups", "P-384", "-ciphersuites", "TLS_AES_256_GCM_SHA384"]),
        (NEWER, ["-verify", "1"]),  # asks for a certificate, needs none
        (NEWER, ["-num_tickets", "30"]),
        (OLDER, ["-tls1_2"]),
        (OLDER, ["-tls1_2", "-cipher", "CHACHA20"]),
        (OLDER, ["-tls1_2", "-max_send_frag", "512", "-verify", "1"]),
        (OLDER, ["-tls1_2", "-groups", "P-521:P-256"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
async def test_an_honest_handshake_is_none_the_worse(
    start: Start, fetch: Fetch, version: str, arguments: list[str], key_type: trustme.KeyType
) -> None:
    """The answer comes, and of the leaf what it always said."""
    port = await start(*arguments, key_type=key_type)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Answered), exchange.failure
    assert exchange.response.status == 200
    assert exchange.connection.tls_version == version
    assert exchange.connection.certificate is not None
    assert exchange.connection.certificate.names == (NAME,)


@pytest.mark.parametrize("arguments", [["-stateless"], ["-groups", "X25519"], ["-record_padding", "512"]], ids=" ".join)
async def test_without_the_key_it_is_this_machines_fault(
    start: Start, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Whatever comes before the certificates."""
    monkeypatch.setattr(ClientContext, "secret", lambda _: None)
    exchange = await fetch(f"https://{NAME}:{await start(*arguments)}/")
    assert isinstance(exchange, Failed)
    assert (exchange.failure.kind, exchange.failure.phase) == (FailureKind.LOCAL_FAULT, Phase.TLS)


async def test_an_alert_is_told_as_before(start: Start, fetch: Fetch) -> None:
    """Plain, as the server and the client have no version in common, or a certificate is demanded."""
    exchange = await fetch(f"https://{NAME}:{await start('-tls1_2', '-cipher', 'DHE-RSA-AES128-SHA')}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.TLS_PROTOCOL
    exchange = await fetch(f"https://{NAME}:{await start('-Verify', '1')}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.TLS_CLIENT_CERTIFICATE

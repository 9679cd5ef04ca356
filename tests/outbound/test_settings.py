"""Settings are judged when they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from botkit.outbound import OutboundClient, OutboundSettings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_body": 0}, "max_body"),
        ({"concurrency": 0}, "concurrency"),
        ({"user_agent": "two\r\nlines"}, "user_agent"),
        ({"nameservers": ("dns.example",)}, "nameservers: 'dns.example'"),
        ({"nameservers": ("192.0.2.1:0",)}, "nameservers: '192.0.2.1:0'"),
        ({"allow_private": ("10.0.0.0/8", "nowhere")}, "allow_private: 'nowhere'"),
        ({"connect_to": {"example.org": ("192.0.2.1",)}}, "entry 'example.org'"),
        ({"connect_to": {"example.org:99999": ("192.0.2.1",)}}, "entry 'example.org:99999'"),
        ({"connect_to": {"a:b@example.org:443": ("192.0.2.1",)}}, "entry 'a:b@example.org:443'"),
        ({"connect_to": {"example.org:443": ()}}, "entry 'example.org:443'"),
        ({"connect_to": {"example.org:443": ("elsewhere.example",)}}, "'elsewhere.example'"),
        ({"connect_to": {"example.org:443": ("192.0.2.1:0",)}}, "'192.0.2.1:0'"),
        ({"connect_to": {"example.org:443": ("[fe80::1%1]:443",)}}, "connect_to"),
    ],
)
def test_a_wrong_entry_is_named(changes: dict[str, Any], words: str) -> None:
    """A setting that cannot work is refused at once, and the text quotes it."""
    with pytest.raises(ValueError, match=r".") as caught:
        OutboundSettings(**changes)
    assert words in str(caught.value)


def test_every_documented_form_of_connect_to_is_accepted() -> None:
    """Names and literals as keys; addresses with and without a port as targets."""
    OutboundSettings(
        connect_to={
            "example.org:443": ("192.0.2.7:8443", "[2001:db8::1]:443", "192.0.2.7", "2001:db8::1", "[2001:db8::1]"),
            "[2001:db8::5]:8448": ("192.0.2.7",),
            "192.0.2.9:443": ("192.0.2.7",),
        }
    )


@pytest.mark.parametrize("content", [None, "", "no certificate", b"\xff\xfe"])
def test_a_bad_ca_file_is_named_at_construction(tmp_path: Path, content: str | bytes | None) -> None:
    """A CA file that is absent, empty or no PEM is an error before anything is fetched."""
    path = tmp_path / "anchors.pem"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"anchors\.pem"):
        OutboundClient(OutboundSettings(ca_file=path))

"""Service URLs as clients would use them: what can be probed, and what is wrong with the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from plugins.foci.service_url import host_of, read_service_url, read_sfu_url, registrable_domain


@pytest.mark.parametrize(
    ("text", "host", "port", "origin"),
    [
        ("https://rtc.example.org", "rtc.example.org", 443, "https://rtc.example.org:443"),
        ("https://rtc.example.org/livekit/jwt", "rtc.example.org", 443, "https://rtc.example.org:443"),
        ("https://rtc.example.org:8443/jwt", "rtc.example.org", 8443, "https://rtc.example.org:8443"),
        ("HTTPS://RTC.Example.org/jwt", "rtc.example.org", 443, "https://rtc.example.org:443"),
        ("https://my_livekit_focus.domain", "my_livekit_focus.domain", 443, "https://my_livekit_focus.domain:443"),
        ("https://-a.example.org", "-a.example.org", 443, "https://-a.example.org:443"),
        ("https://192.0.2.7/jwt", "192.0.2.7", 443, "https://192.0.2.7:443"),
        ("https://[2001:db8::7]:8443", "2001:db8::7", 8443, "https://[2001:db8::7]:8443"),
        ("https://rtc.münchen.example", "rtc.xn--mnchen-3ya.example", 443, "https://rtc.xn--mnchen-3ya.example:443"),
        ("https://localhost", "localhost", 443, "https://localhost:443"),
        ("https://rtc.example.org.", "rtc.example.org.", 443, "https://rtc.example.org.:443"),
    ],
)
def test_good_urls(text: str, host: str, port: int, origin: str) -> None:
    """A good URL is taken apart and kept literally."""
    url = read_service_url(text)
    assert (url.fault, url.text, url.host, url.port, url.origin) == (None, text, host, port, origin)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("wss://rtc.example.org", "scheme-ws"),
        ("ws://rtc.example.org/x", "scheme-ws"),
        ("http://rtc.example.org", "scheme-http"),
        ("http://localhost:8080", "scheme-http"),
        ("https://${LIVEKIT_JWT_FQDN}", "placeholder-host"),
        ("https://<server>/livekit/jwt", "placeholder-host"),
        ("https://.domain.tld", "placeholder-host"),
        ("https://a..b", "placeholder-host"),
        ("https://", "placeholder-host"),
        ("https:///livekit/jwt", "placeholder-host"),
        ("https://{{ matrix_domain }}/jwt", "placeholder-host"),
        ("https://rtc.<your domain>/jwt", "placeholder-host"),
        ("http://[your domain]:8080", "placeholder-host"),
        ("https://{{ domain }}/a jwt", "placeholder-host"),
        ("https://{{\tdomain }}/jwt", "livekit-url-invalid"),
        ("https://rtc.example.org/{{ path }}", "livekit-url-invalid"),
        ("{{ service url }}", "livekit-url-invalid"),
        ("https://[domain]/jwt", "placeholder-host"),
        ("https://127.1/jwt", "placeholder-host"),
        ("https://0x7f.1", "placeholder-host"),
        ("https://192.0.2.256", "livekit-url-invalid"),
        ("https://" + "a" * 64 + ".org", "placeholder-host"),
        ("", "livekit-url-invalid"),
        ("rtc.example.org/livekit/jwt", "livekit-url-invalid"),
        ("/livekit/jwt", "livekit-url-invalid"),
        ("//rtc.example.org", "livekit-url-invalid"),
        ("ftp://rtc.example.org", "livekit-url-invalid"),
        ("javascript:alert(1)", "livekit-url-invalid"),
        ("https://user:password@rtc.example.org", "livekit-url-invalid"),
        ("https://rtc.example.org:0", "livekit-url-invalid"),
        ("https://rtc.example.org:65536", "livekit-url-invalid"),
        ("https://rtc.example.org:port", "livekit-url-invalid"),
        ("https://rtc.example.org/jwt?a=b", "livekit-url-invalid"),
        ("https://rtc.example.org/jwt?", "livekit-url-invalid"),
        ("https://rtc.example.org/jwt#", "livekit-url-invalid"),
        (" https://rtc.example.org", "livekit-url-invalid"),
        ("https://rtc.example.org\n", "livekit-url-invalid"),
        ("https://rtc.exam ple.org", "livekit-url-invalid"),
    ],
)
def test_faulty_urls(text: str, fault: str) -> None:
    """Each fault that a client would stumble over is named, with a detail for people."""
    url = read_service_url(text)
    assert url.fault == fault
    assert url.detail


@pytest.mark.parametrize(
    ("text", "slash", "endpoint"),
    [
        ("https://rtc.example.org", False, False),
        ("https://rtc.example.org/", True, False),
        ("https://rtc.example.org/jwt/", True, False),
        ("https://rtc.example.org/sfu/get", False, True),
        ("https://rtc.example.org/jwt/get_token", False, True),
        ("https://rtc.example.org/sfu/get/", True, True),
        ("https://rtc.example.org/sfu", False, False),
    ],
)
def test_ends_of_paths(text: str, slash: bool, endpoint: bool) -> None:
    """A slash at the end and an endpoint in the path are seen, for clients append to the literal text."""
    url = read_service_url(text)
    assert (url.fault, url.trailing_slash, url.includes_endpoint) == (None, slash, endpoint)


@pytest.mark.parametrize(
    ("text", "https", "fault"),
    [
        ("wss://sfu.example.org", "https://sfu.example.org", None),
        ("wss://sfu.example.org:7443/livekit/sfu", "https://sfu.example.org:7443/livekit/sfu", None),
        ("https://sfu.example.org", "https://sfu.example.org", None),
        ("ws://sfu.example.org", "ws://sfu.example.org", "scheme-http"),
        ("http://sfu.example.org", "http://sfu.example.org", "scheme-http"),
        ("sfu.example.org", "sfu.example.org", "livekit-url-invalid"),
        ("wss://${SFU}", "wss://${SFU}", "placeholder-host"),
    ],
)
def test_sfu_urls(text: str, https: str, fault: str | None) -> None:
    """The URL of an SFU is probed under https; one without TLS is not."""
    url = read_sfu_url(text)
    assert (url.text, url.fault) == (https, fault)
    assert fault or url.kind == "sfu"


@given(
    st.text()
    | st.text().map("https://".__add__)
    | st.text("htps:/[]@?#.%$<>{}aé℀：０\ud800\x00 ").map("https://".__add__)
)
def test_any_text_is_read(text: str) -> None:
    """No text makes the reader raise, and what has no fault has a host and a port."""
    for url in (read_service_url(text), read_sfu_url(text)):
        assert url.fault or (url.host.isascii() and 0 < url.port < 65536 and url.scheme == "https")
        assert not url.fault or url.detail


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("rtc.example.org", "example.org"),
        ("RTC.Example.org.", "example.org"),
        ("example.co.uk", "example.co.uk"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("rtc.someone.duckdns.org", "someone.duckdns.org"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_registrable_domains(host: str, domain: str) -> None:
    """Whose a host is follows the Public Suffix List; addresses and bare names stand for themselves."""
    assert registrable_domain(host, PublicSuffixList()) == domain


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://matrix.example.org", "matrix.example.org"),
        ("https://matrix.example.org:8448/x", "matrix.example.org"),
        ("https://[::1]:8448", "[::1]"),
    ],
)
def test_host_of_a_base_url(url: str, host: str) -> None:
    """The host keeps its brackets and loses its port."""
    assert host_of(url) == host

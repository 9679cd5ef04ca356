"""URLs are read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound import FailureKind, UrlError, parse_host, parse_url


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "sent"),
    [
        ("https://example.org", "https", "example.org", 443, "/"),
        ("HTTPS://Example.ORG:8443/A/b", "https", "example.org", 8443, "/A/b"),
        ("http://example.org/", "http", "example.org", 80, "/"),
        ("https://example.org:/x", "https", "example.org", 443, "/x"),
        ("https://example.org/jwt//sfu/get", "https", "example.org", 443, "/jwt//sfu/get"),
        ("https://example.org/a b?c=d#frag", "https", "example.org", 443, "/a%20b?c=d"),
        ("https://example.org.", "https", "example.org.", 443, "/"),
        ("https://my_host.example.org/", "https", "my_host.example.org", 443, "/"),
        ("https://bücher.example/", "https", "xn--bcher-kva.example", 443, "/"),
        ("https://203.0.113.7:8443/", "https", "203.0.113.7", 8443, "/"),
        ("https://[2001:DB8::1]:8448/", "https", "2001:db8::1", 8448, "/"),
    ],
)
def test_a_legal_url_keeps_its_parts(url: str, scheme: str, host: str, port: int, sent: str) -> None:
    """Scheme and host are lower-cased, the port filled in, the path sent as clients send it."""
    target = parse_url(url)
    assert (scheme, host, port, sent) == (target.scheme, target.host.name, target.port, target.url.raw_path_qs)


ODD_URLS = [
    "",
    "example.org",
    "//example.org/",
    "https:example.org",
    "https:///path",
    "https://",
    "https://:443/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "ws://example.org/",
    "javascript:alert(1)",
    "https://user:hunter2@example.org/",
    "https://user@example.org/",
    "https://@example.org/",
    "https://example.org@127.0.0.1/",
    "https://127.0.0.1\\@example.org/",
    "https://example.org\\.evil/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://example.org:99999999999999999999/",
    "https://example.org:80a/",
    "https://example.org:-1/",
    "https://exam ple.org/",
    "https://example.org /",
    " https://example.org/",
    "https://example.org\t/",
    "https://exa\tmple.org/",
    "https://example.org\r\nHost: evil/",
    "https://example.org/a\r\nb",
    "https://example.org/\x00",
    "https://127.0.0.%31/",
    "https://loc%61lhost/",
    "https://example.org%00.evil/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://127．0．0．1/",
    "https://٠.٠.٠.٠/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "https://localhoſt/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://[::1/",
    "https://::1/",
    "https://[::1%25lo]/",
    "https://[fe80::1%lo]/",
    "https://[127.0.0.1]/",
    "https://[v1.x]/",
    "https://${DOMAIN}/",
    "https://<server>/",
    "https://example.org,evil/",
    "https://\ud800/",
    "https://example.org/\ud800",
    "https://example.org/" + "x" * 5000,
]


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_refused_not_repaired(url: str) -> None:
    """What could be read in two ways is read in none."""
    with pytest.raises(UrlError) as caught:
        parse_url(url)
    assert caught.value.kind is FailureKind.URL_INVALID
    assert "hunter2" not in caught.value.detail
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize("host", ["a..b", ".example", "x" * 64 + ".example", ".".join(["abcdefg"] * 33)])
def test_a_name_that_dns_cannot_hold_is_told_apart(host: str) -> None:
    """Empty and over-long labels and names are a bad name, not a bad URL."""
    with pytest.raises(UrlError) as caught:
        parse_url(f"https://{host}/")
    assert caught.value.kind is FailureKind.DNS_BADNAME


def test_a_host_may_be_given_with_or_without_brackets() -> None:
    """Both spellings of an IPv6 literal are the same host."""
    assert parse_host("[2001:db8::1]") == parse_host("2001:DB8:0::1")


@given(st.text() | st.text("https://.:[]@%#?/\\019aſ①。-\t").map(lambda rest: "https://" + rest))
def test_no_text_raises_anything_but_target_error(url: str) -> None:
    """Reading a URL either works or says why not."""
    try:
        target = parse_url(url)
    except UrlError:
        return
    assert target.host.name.isascii()
    assert 1 <= target.port <= 65535

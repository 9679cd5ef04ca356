"""Ways in by where the URL is written: documents, redirects, headers, certificates, targets, the environment."""

from __future__ import annotations

from lab.wellknown import PATH
from tests.policy import entrances as at
from tests.policy.way import Door, Entrance, Stop, Way

_LEADS = (
    ("127.0.0.1", "127.0.0.1"),
    ("::1", "[::1]"),
    ("10.0.0.1", "[::ffff:10.0.0.1]"),
    ("169.254.169.254", "169.254.169.254"),
    ("192.168.1.1", "dns-HERE"),
)
"""The aim, and the host that is written."""

_RECORDS = {"dns-HERE": ("A 192.168.1.1",), "localhost": ("A 127.0.0.1; AAAA ::1",)}
_FOLLOWED = (301, 302, 303, 307, 308)
_PLACES: dict[str, Entrance] = {
    "second entry": at.second_entry,
    "m.rtc_foci": at.under_key("m.rtc_foci"),
    "msc4158 key": at.under_key("org.matrix.msc4158.rtc_foci"),
    "newer type": at.newer_type,
    "base_url": at.base_url,
    "transports": at.transports,
    "server well-known": at.delegation,
    "redirect of the server well-known": at.delegation_redirect,
    **{f"redirect {status}": at.redirect(status) for status in _FOLLOWED},
    "later redirect": at.later_redirect,
}
_SOCKETS: dict[str, Entrance] = {"url of an entry": at.sfu_url, "url in transports": at.transports_sfu}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "wss_proxy")


def ways() -> tuple[Way, ...]:
    """All of them."""
    return (*_documents(), *_redirects(), *_not_followed(), *_targets(), *_environments())


def _documents() -> tuple[Way, ...]:
    https = [
        Way(f"{place}: https://{host}", aim, f"https://{host}:PORT{_path(place)}", lay, records=_RECORDS)
        for place, lay in _PLACES.items()
        for aim, host in _LEADS
    ]
    sockets = [
        Way(f"{place}: wss://{host}", aim, f"wss://{host}:PORT", lay, records=_RECORDS)
        for place, lay in _SOCKETS.items()
        for aim, host in _LEADS
    ]
    doors = [
        Way(f"{door} to {host}", aim, f"https://{host}:PORT/", at.bare, records=_RECORDS, door=door)
        for door in (Door.WEBSOCKET, Door.STREAM)
        for aim, host in _LEADS
    ]
    services = [
        Way(
            f"{kind} record to {host}",
            aim,
            "",
            at.nothing,
            records={**_RECORDS, f"{kind}.HERE": (f"SRV 0 0 PORT {host}.",)},
        )
        for kind in ("_matrix-fed._tcp", "_matrix._tcp")
        for aim, host in (("192.168.1.1", "dns-HERE"), ("::1", "localhost"), ("127.0.0.1", "127.0.0.1"))
    ]
    return (*https, *sockets, *doors, *services)


def _path(place: str) -> str:
    if place == "server well-known":
        return ""
    return PATH if "redirect" in place else "/jwt"


def _redirects() -> tuple[Way, ...]:
    """Locations of another scheme, port or spelling."""
    followed = {
        "//127.0.0.1:PORT/x": "127.0.0.1",
        "//localhost:PORT/x": "::1",
        "HTTPS://127.0.0.1:PORT/x": "127.0.0.1",
        " https://127.0.0.1:PORT/x": "127.0.0.1",
        "https://127.0.0.1:PORT/x#https://HERE/": "127.0.0.1",
        "https://10.0.0.1:2375/": "10.0.0.1",
        "https://10.0.0.1:9000/": "10.0.0.1",
        "https://192.168.1.1:80/": "192.168.1.1",
    }
    refused = (
        *("http://127.0.0.1:PORT/x", "HTTP://localhost:PORT/", "ftp://127.0.0.1:PORT/x", "gopher://127.0.0.1:PORT/_x"),
        *("ws://127.0.0.1:PORT/", "wss://127.0.0.1:PORT/", "dict://127.0.0.1:PORT/x", "ldap://127.0.0.1:PORT/"),
        *("file://127.0.0.1/etc/passwd", "https:127.0.0.1:PORT", "https:///127.0.0.1:PORT/", "\\\\127.0.0.1:PORT\\x"),
        *("https://HERE@127.0.0.1:PORT/", "https://0x7f.1:PORT/", "https://2130706433:PORT/", "https://127.1:PORT/"),
        *("https://127.0.0.1:PORT\\@HERE/", "https://%31%32%37.0.0.1:PORT/", "data:text/html,https://127.0.0.1"),
    )
    return (
        *(Way(f"redirect to {lead!r}", aim, lead, at.redirect(302)) for lead, aim in followed.items()),
        *(Way(f"redirect to {lead!r}", "127.0.0.1", lead, at.redirect(307), Stop.READING) for lead in refused),
    )


def _not_followed() -> tuple[Way, ...]:
    """Whatever else names a URL in an answer."""
    lead, aim = "https://127.0.0.1:PORT/", "127.0.0.1"
    places: dict[str, tuple[str, Entrance]] = {
        **{f"POST redirected with {status}": (lead, at.post_redirect(status)) for status in _FOLLOWED},
        **{f"homeserver redirects with {status}": (lead, at.homeserver_redirect(status)) for status in (301, 307)},
        "Location with 200": (lead, at.header("Location")),
        "Location with 201": (lead, at.header("Location", status=201)),
        "300 Multiple Choices": (lead, at.header("Location", status=300)),
        "304 Not Modified": (lead, at.header("Location", status=304)),
        "305 Use Proxy": (lead, at.header("Location", status=305)),
        "407 Proxy Authentication": (lead, at.header("Proxy-Authenticate", 'Basic realm="LEAD"', 407)),
        "Alt-Svc": (lead, at.header("Alt-Svc", 'http/1.1="127.0.0.1:PORT"; ma=86400, h3="127.0.0.1:PORT"')),
        "Refresh": (lead, at.header("Refresh", "0; url=LEAD")),
        "Link": (lead, at.header("Link", "<LEAD>; rel=preconnect, <LEAD>; rel=preload; as=fetch")),
        "Content-Location": (lead, at.header("Content-Location")),
        "SourceMap and reports": (lead, at.header("NEL", '{"report_to": "LEAD"}')),
        "meta refresh": (lead, at.page('<meta http-equiv="refresh" content="0; url=LEAD">')),
        "base and image of a page": (lead, at.page('<base href="LEAD"><img src="LEAD"><script src="LEAD"></script>')),
        "external entity": (lead, at.page('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "LEAD">]><x>&e;</x>')),
        "other keys of the well-known": (lead, at.other_key),
        "entry of an unknown type": (lead, at.unknown_type),
        "SFU that the service hands out": ("wss://127.0.0.1:PORT", at.answer_of_service),
        "page that an error names": (lead, at.error_of_homeserver),
    }
    found = [Way(place, aim, text, lay, Stop.DESIGN) for place, (text, lay) in places.items()]
    return (*found, Way("links in a certificate (AIA, OCSP, CRL)", aim, "crafted", at.bare, Stop.DESIGN))


def _targets() -> tuple[Way, ...]:
    """What people type."""
    read = {
        **{host: aim for aim, host in _LEADS},
        "127.0.0.1:PORT": "127.0.0.1",
        "[::1]:PORT": "::1",
        "localhost:PORT": "::1",
        "localhost.": "::1",
        "@alice:127.0.0.1:PORT": "127.0.0.1",
        "@alice:[fd00:ec2::254]": "fd00:ec2::254",
        "matrix:u/alice:127.0.0.1": "127.0.0.1",
        "https://matrix.to/#/%40alice%3A127.0.0.1": "127.0.0.1",
    }
    unread = (
        *(
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "１２７.０.０.１",
            "127。0。0。1",
            "[::1%lo]",
        ),
        *("https://127.0.0.1:PORT/", "example.org@127.0.0.1", "127.0.0.1/..", "127.0.0.1#x", "[::ffff:127.1]"),
    )
    return (
        *(Way(f"target {text}", aim, "", at.nothing, Stop.POLICY, _RECORDS, text) for text, aim in read.items()),
        *(Way(f"target {text!r}", "127.0.0.1", "", at.nothing, Stop.READING, {}, text) for text in unread),
    )


def _environments() -> tuple[Way, ...]:
    lead = "http://127.0.0.1:PORT"
    return tuple(
        Way(f"{variable} in the environment", "127.0.0.1", lead, at.nothing, Stop.DESIGN, environment={variable: lead})
        for variable in _PROXIES
    )

"""Ways in by how an address is written: every range as a literal, and this machine in every spelling."""

from __future__ import annotations

from tests.policy.entrances import service_url
from tests.policy.way import Stop, Way

PRIVATE_V4 = (
    *("0.1.2.3", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.100.100.200", "127.0.0.53", "127.255.255.254"),
    *("168.63.129.16", "169.254.1.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.254", "198.51.100.1"),
    *("203.0.113.1", "240.0.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255"),
)
PRIVATE_V6 = (
    *("::10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "100::1"),
    *("2001:0:c000:201:0:0:f5ff:fffe", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:a00:1::1"),
    *("2002:7f00:1::", "2606:4700::5efe:10.0.0.1", "3fff::1", "5f00::1", "4000::1", "fc00::1", "fd00:ec2::254"),
    *("fec0::1", "fe80::1", "ff02::1", "ff0e::1"),
)
"""One address, or both ends, of every range that is not public, and forms that carry such an address."""

_SAME_IN_V6 = {
    "::ffff:10.0.0.1": "10.0.0.1",
    "::ffff:a9fe:a9fe": "169.254.169.254",
    "0:0:0:0:0:FFFF:192.168.1.1": "192.168.1.1",
}

_LOOPBACK_LITERALS = {
    "127.0.0.1": "127.0.0.1",
    "0.0.0.0": "0.0.0.0",
    "[::1]": "::1",
    "[0:0:0:0:0:0:0:1]": "::1",
    "[0000:0000:0000:0000:0000:0000:0000:0001]": "::1",
    "[::0.0.0.1]": "::1",
    "[::]": "::",
    "[::ffff:127.0.0.1]": "127.0.0.1",
    "[::FFFF:7F00:1]": "127.0.0.1",
    "[0:0:0:0:0:ffff:127.0.0.1]": "127.0.0.1",
    "[::ffff:0.0.0.0]": "0.0.0.0",
    "localhost": "127.0.0.1",
    "LOCALHOST": "127.0.0.1",
    "localhost.": "127.0.0.1",
    "foo.localhost": "127.0.0.1",
    "foo.LocalHost.": "127.0.0.1",
}

_LOCAL_ZONE = {"localhost": ("A 127.0.0.1; AAAA ::1",), "foo.localhost": ("A 127.0.0.1; AAAA ::1",)}
"""As name servers answer that follow RFC 6761, section 6.3."""

_UNREADABLE = (
    *("2130706433", "017700000001", "0x7f000001", "0X7F000001", "6425673729", "0", "00", "0x0"),
    *("0177.0.0.1", "0177.00.00.01", "0x7f.0.0.1", "0x7F.0x0.0x0.0x1", "0x7f.1", "127.0x1", "0177.1"),
    *("127.1", "127.0.1", "127.000.000.001", "127.0.0.01", "127.0.0.1.", "127.0.0.1..", "127.0.0.256"),
    *(
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "127．0．0．1",
        "127｡0｡0｡1",
        "١٢٧.٠.٠.١",
        "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
        "¹²⁷.⁰.⁰.¹",
    ),
    *(
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
        "localhoſt",
        "local\u00adhost",
        "local\u200bhost",
        "localhost。",
        "localhost..",
    ),
    *("127.0.0.%31", "loc%61lhost", "127.0.0.1%00", "127.0.0.1%20", "127.0.0.1\t", "127.0.0.1 ", "127.0.0.1%00.HERE"),
    *("HERE@127.0.0.1", "HERE:443@127.0.0.1", "HERE\\@127.0.0.1", "127.0.0.1\\@HERE", "127.0.0.1;.HERE"),
    *("[::1%lo]", "[::1%25lo]", "[::1%251]", "[127.0.0.1]", "[::ffff:127.1]", "[::ffff:0x7f000001]", "[::1].HERE"),
)


def ways() -> tuple[Way, ...]:
    """All of them, as the service's URL of a published focus."""
    literals = [(address, f"[{address}]" if ":" in address else address) for address in PRIVATE_V4 + PRIVATE_V6]
    literals += [(aim, f"[{text}]") for text, aim in _SAME_IN_V6.items()]
    literals += [(aim, text) for text, aim in _LOOPBACK_LITERALS.items()]
    unreadable = [("::1" if text.startswith("[::1") else "127.0.0.1", text) for text in _UNREADABLE]
    return (
        *(_way(aim, host, Stop.POLICY) for aim, host in literals),
        *(_way(aim, host, Stop.READING) for aim, host in unreadable),
    )


def _way(aim: str, host: str, stop: Stop) -> Way:
    lead = f"https://{host}:PORT/jwt"
    return Way(f"written {ascii(lead)[1:-1]}", aim, lead, service_url, stop, _LOCAL_ZONE)

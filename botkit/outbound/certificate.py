"""A certificate's facts, read from its DER form whether or not it is trusted."""

from __future__ import annotations

import logging
from itertools import islice

from cryptography import x509

from botkit.messages.sanitise import clean_line
from botkit.outbound.model import Certificate

_NAMES_LIMIT = 100
_PARTS_LIMIT = 20
_NAME_LENGTH = 120

logger = logging.getLogger(__name__)


def read_certificate(der: bytes) -> Certificate | None:
    """The facts, or None for a certificate too odd to be read. Names are cleaned and bounded."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=_distinguished(certificate.subject),
            issuer=_distinguished(certificate.issuer),
            names=_names(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
        logger.debug("certificate cannot be read: %s", type(error).__name__)
        return None


def _distinguished(name: x509.Name) -> str:
    # a stranger's has as many parts as fit into a handshake
    parts = name.rdns
    bounded = name if len(parts) <= _PARTS_LIMIT else x509.Name(parts[:_PARTS_LIMIT])
    return clean_line(bounded.rfc4514_string(), _NAME_LENGTH)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    named = (name for name in extension.value if isinstance(name, (x509.DNSName, x509.IPAddress)))
    return tuple(clean_line(str(name.value), _NAME_LENGTH) for name in islice(named, _NAMES_LIMIT))

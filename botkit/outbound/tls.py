"""TLS as a browser would judge it, with the other side's certificate noted on success and on failure."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from botkit.outbound.attempt import CURRENT

_ENCODING_DER = 2  # _ssl.ENCODING_DER: the only way before Python 3.13 gave it a public name


class NotingSSLObject(ssl.SSLObject):
    """
    An SSLObject that reports to the current attempt how far the handshake came.

    Its first handshake step proves that TCP is done, which distinguishes a TCP hang from a TLS hang.
    """

    def do_handshake(self) -> None:
        """See `ssl.SSLObject.do_handshake`."""
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.tcp_done()
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            if attempt is not None:
                attempt.leaf = self._unverified_leaf()
                attempt.tls_version = self.version()
            raise
        if attempt is not None:
            attempt.tls_done(self.getpeercert(binary_form=True), self.version())

    def read(self, *args: Any) -> Any:
        """See `ssl.SSLObject.read`."""
        try:
            result: Any = super().read(*args)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._note_close()
            raise
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._note_alert(error.reason or "")
            raise
        if not result:
            self._note_close()
        return result

    def _note_close(self) -> None:
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.peer_closed = True

    def _note_alert(self, reason: str) -> None:
        # A TLS 1.3 server judges the client's certificate after the client's side of the handshake is done.
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.alert = reason

    def _unverified_leaf(self) -> bytes | None:
        public = getattr(self, "get_unverified_chain", None)
        if public is not None:
            chain: list[bytes] = public()
            return chain[0] if chain else None
        inner: Any = getattr(self, "_sslobj", None)
        read = getattr(inner, "get_unverified_chain", None)
        certificates = read() if read is not None else None
        if not certificates:
            return None
        leaf: bytes = certificates[0].public_bytes(_ENCODING_DER)
        return leaf


def build_context(ca_file: Path | None) -> ssl.SSLContext:
    """
    A client context: system trust plus ``ca_file`` (PEM), host names checked, TLS 1.2 or later.

    Costs 15 to 25 ms: build one and share it.

    Raises:
        ValueError: ``ca_file`` cannot be read or holds no certificate; the text names it.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    # Python 3.13 changed the defaults; the same certificate must get the same verdict on every Python.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.sslobject_class = NotingSSLObject
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or type(error).__name__
            raise ValueError(f"ca_file: {ca_file} cannot be used: {reason}") from None
    return context

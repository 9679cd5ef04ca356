"""TLS as a browser would judge it, with the other side's certificate noted on success and on failure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import weakref
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from botkit.outbound.attempt import CURRENT, SHORTAGES
from botkit.outbound.flight import Flight, FlightError

GROUPS = ("prime256v1", "X25519", "secp384r1", None)
"""
Groups for the key exchange, those of browsers, in the order of their trial. The first is one that every server has to
have (RFC 8446, section 9.1). A context offers one alone, as the ssl module can set no list, and what OpenSSL offers by
itself has finite fields of 8192 bits, with which a stranger would hold the event loop for a tenth of a second. TLS 1.2
has those in its cipher suites only, so there every curve can be offered (None), as that of the certificate counts, too.
"""

_ENCODING_DER = 2  # _ssl.ENCODING_DER: the only way before Python 3.13 gave it a public name
_NO_COMPRESSED_CERTIFICATES = 1 << 33  # SSL_OP_NO_RX_CERTIFICATE_COMPRESSION of OpenSSL 3.2

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""Names of files in a directory of trust anchors (openssl-rehash)."""

_NOTHING_IN_COMMON = "SSLV3_ALERT_HANDSHAKE_FAILURE"


class NotingSSLObject(ssl.SSLObject):
    """
    An SSLObject that reports to the current attempt how far the handshake came.

    Its first handshake step proves that TCP is done, which distinguishes a TCP hang from a TLS hang. What arrives comes
    to OpenSSL by way of `Flight`.
    """

    def attach(self, arriving: ssl.MemoryBIO, inner: ssl.MemoryBIO) -> None:
        """Take what arrives from the one, and hand it to OpenSSL through the other."""
        self._arriving, self._inner, self._flight = arriving, inner, Flight()

    def do_handshake(self) -> None:
        """See `ssl.SSLObject.do_handshake`."""
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.tcp_done()
        try:
            self._step()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, FlightError):
            raise
        except ssl.SSLError as error:
            if attempt is not None:
                attempt.leaf = self._unverified_leaf()
                # with a certificate of the other side's the group was agreed on
                attempt.group_refused = attempt.leaf is None and error.reason == _NOTHING_IN_COMMON
                attempt.tls_version = self.version()
            raise
        if attempt is not None:
            attempt.tls_done(self.getpeercert(binary_form=True), self.version())

    def read(self, *args: Any) -> Any:
        """See `ssl.SSLObject.read`."""
        self._pass_on()
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

    def unwrap(self) -> Any:
        """See `ssl.SSLObject.unwrap`."""
        self._pass_on()
        return super().unwrap()

    def _step(self) -> None:
        context = self.context
        assert isinstance(context, ClientContext)  # noqa: S101 - which makes these objects
        pieces = self._flight.pieces(self._arriving.read())
        for piece in chain((b"",), pieces):
            self._inner.write(piece)
            try:
                super().do_handshake()
            except ssl.SSLWantReadError as error:
                wanting = error
            else:
                for rest in pieces:
                    self._inner.write(rest)
                return
            finally:
                self._flight.learn(context.secret())
        raise wanting

    def _pass_on(self) -> None:
        if self._arriving.pending:
            self._inner.write(self._arriving.read())

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


class ClientContext(ssl.SSLContext):
    """A context whose objects look at certificates before OpenSSL does; without settings of its own."""

    def __init__(self, *_: Any) -> None:
        # The library writes the secrets of TLS 1.3 into a file alone; a pipe leaves none behind.
        self._log, writer = os.pipe()
        weakref.finalize(self, os.close, self._log)
        os.set_blocking(self._log, False)
        self.keylog_filename = f"/dev/fd/{writer}"
        os.close(writer)

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> NotingSSLObject:
        """See `ssl.SSLContext.wrap_bio`."""
        inner = ssl.MemoryBIO()
        wrapped = super().wrap_bio(inner, outgoing, *args, **kwargs)
        assert isinstance(wrapped, NotingSSLObject)  # noqa: S101 - see sslobject_class
        wrapped.attach(incoming, inner)
        return wrapped

    def secret(self) -> bytes | None:
        """The server's handshake secret, if the last step agreed on one; asked after each, as all share the log."""
        try:
            lines = os.read(self._log, 65536).splitlines()
        except BlockingIOError:
            return None
        found = [line.split()[-1] for line in lines if line.startswith(b"SERVER_HANDSHAKE_TRAFFIC_SECRET ")]
        return bytes.fromhex(found[-1].decode()) if found else None


class TlsContexts:
    """
    A context for each of the ``GROUPS``, built when it is needed first.

    Raises:
        ValueError: see `build_context`.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._building = asyncio.Lock()
        self._built: dict[str | None, ssl.SSLContext] = {GROUPS[0]: build_context(ca_file, GROUPS[0])}

    async def offering(self, group: str | None) -> ssl.SSLContext:
        """The context that offers this group."""
        if group not in self._built:
            async with self._building:
                if group not in self._built:
                    self._built[group] = await asyncio.to_thread(build_context, self._ca_file, group)
        return self._built[group]


@contextlib.contextmanager
def _passing_over() -> Iterator[None]:
    """As OpenSSL, which looks further where a file cannot be read; a shortage must leave no context without trust."""
    try:
        yield
    except OSError as error:
        if error.errno in SHORTAGES:
            raise


def _trust_the_system(context: ssl.SSLContext) -> None:
    """
    Load what `ssl.SSLContext.load_default_certs` refers to.

    That would read a whole directory again for every certificate whose issuer is not known, on the event loop.
    """
    paths = ssl.get_default_verify_paths()
    bundle = b""
    with _passing_over():
        if paths.cafile:
            context.load_verify_locations(cafile=paths.cafile)
            bundle = Path(paths.cafile).read_bytes()
    for path in Path(paths.capath).iterdir() if paths.capath else ():
        with _passing_over():
            if _HASHED.fullmatch(path.name) and path.read_bytes().strip() not in bundle:
                context.load_verify_locations(cafile=path)


def build_context(ca_file: Path | None, group: str | None) -> ssl.SSLContext:
    """
    A client context: system trust plus ``ca_file`` (PEM), host names checked, TLS 1.2 or later.

    Costs 30 to 40 ms: build one and share it. It knows no key exchange over finite fields and no renegotiation: both
    let the other side choose what they cost here.

    Raises:
        ValueError: ``ca_file`` cannot be read or holds no certificate; the text names it.
        OSError: this machine has no pipe, or is short of something else.
    """
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust_the_system(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | _NO_COMPRESSED_CERTIFICATES
    names = [cipher["name"] for cipher in context.get_ciphers()]
    context.set_ciphers(":".join(name for name in names if not name.startswith(("TLS_", "DHE-"))))
    if group is None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.set_ecdh_curve(group)
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

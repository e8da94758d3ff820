"""Binary frames of the Pro push sockets: plain JSON, or raw deflate, which clients are to expect (protocol.md 6.1)."""

from __future__ import annotations

import zlib

from kucoin_stream.errors import RemoteProtocolError

LIMIT = 16 * 2**20  # bytes of an inflated frame; the longest one seen, all funding rates, has 86 kB

_JSON = b'{["'  # a raw deflate stream of JSON begins with none of these
_RAW = -zlib.MAX_WBITS  # no zlib header, no checksum


def is_json(data: bytes) -> bool:
    """Whether a frame looks like JSON by its first byte; an empty one is no better when inflated."""
    return data.lstrip(b" \t\r\n")[:1] in _JSON


def inflate(data: bytes, limit: int = LIMIT) -> bytes:
    """Return what one raw deflate stream holds, at most ``limit`` bytes; raises :class:`RemoteProtocolError`."""
    stream = zlib.decompressobj(_RAW)
    try:
        inflated = stream.decompress(data, limit)
        more = stream.decompress(stream.unconsumed_tail, 1) if not stream.eof else b""
    except zlib.error as exc:
        raise RemoteProtocolError(f"neither JSON nor raw deflate: {exc}") from exc
    if more:
        raise RemoteProtocolError(f"a compressed message of more than {limit} bytes")
    if not stream.eof:
        raise RemoteProtocolError("neither JSON nor raw deflate: the end is missing")
    return inflated

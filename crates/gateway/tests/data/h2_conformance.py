"""What RFC 9113 asks of a server, tried by the HTTP/2 of python-hyper (Debian's python3-h2): its frames, its header
compression, and its own client as a strict reader. Prints one line for each case; the test beside it counts them.

Usage: h2_conformance.py HOST PORT"""

import socket
import struct
import sys

import h2.config
import h2.connection
import h2.events
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame)

ADDRESS = (sys.argv[1], int(sys.argv[2]))
PATIENCE = 15
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/contextcapture/jobs"), (":authority", "gate"),
       ("authorization", "Bearer t0k-en")]
BODY = b'{"name":"w"}'
POST = [(":method", "POST"), (":scheme", "http"), (":path", "/contextcapture/workspaces"), (":authority", "gate"),
        ("authorization", "Bearer t0k-en"), ("content-type", "application/json")]
RESET, GONE = "reset", "gone"


def raw(kind, flags, stream, body=b""):
    """A frame that the library would not write."""
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def block(fields, **how):
    return Encoder().encode(fields, huffman=how.get("huffman", False))


def headers(fields, stream=1, flags=("END_HEADERS", "END_STREAM"), data=None):
    frame = HeadersFrame(stream, data=block(fields) if data is None else data)
    for flag in flags:
        frame.flags.add(flag)
    return frame.serialize()


def open_stream(fields=POST, stream=1):
    return headers(fields, stream, ["END_HEADERS"])


def data(body, stream=1, end=True):
    frame = DataFrame(stream, data=body)
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


class Client:
    def __init__(self, first=PREFACE + SettingsFrame(0).serialize()):
        self.socket = socket.create_connection(ADDRESS, PATIENCE)
        self.decoder = h2.connection.Decoder()
        self.send(first)

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError:
            pass  # Who is refused early may find the connection closed.

    def take(self, count):
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            if not more:
                raise ConnectionError
            octets += more
        return octets

    def frames(self):
        """Every frame, until the connection ends."""
        try:
            while True:
                frame, length = Frame.parse_frame_header(memoryview(self.take(9)))
                frame.parse_body(memoryview(self.take(length)))
                yield frame
        except (ConnectionError, OSError) as fault:
            if isinstance(fault, TimeoutError):
                raise

    def end_of(self, stream=1):
        """The status, RESET or GONE."""
        status = None
        for frame in self.frames():
            if isinstance(frame, GoAwayFrame) and frame.error_code:
                return GONE
            if isinstance(frame, HeadersFrame):
                found = dict(self.decoder.decode(frame.data))
                if frame.stream_id == stream:
                    status = int(found[":status"])
            if frame.stream_id == stream:
                if isinstance(frame, RstStreamFrame):
                    return RESET if status is None else status
                if "END_STREAM" in frame.flags:
                    return status
        return GONE if status is None else status

    def pings(self):
        """Whether the connection still lives."""
        self.send(PingFrame(0, opaque_data=b"12345678").serialize())
        for frame in self.frames():
            if isinstance(frame, GoAwayFrame) and frame.error_code:
                return False
            if isinstance(frame, PingFrame) and "ACK" in frame.flags:
                return frame.opaque_data == b"12345678"
        return False


def report(name, good, what=""):
    print(f"{'ok' if good else 'FAILED'}\t{name}\t{what}", flush=True)


def ends(name, *octets):
    """The connection must end with an error."""
    client = Client()
    client.send(b"".join(octets))
    alive = client.pings()
    report(name, not alive, "the connection lives on" if alive else "")


def refused(name, *octets, stream=1):
    """The stream must end with an error, or the connection; or the request is refused."""
    client = Client()
    client.send(b"".join(octets))
    end = client.end_of(stream)
    report(name, end in (RESET, GONE) or 400 <= end < 500, end)


def served(name, *octets, stream=1, status=200):
    """It must make no difference."""
    client = Client()
    client.send(b"".join(octets))
    end = client.end_of(stream)
    report(name, end == status and client.pings(), end)


def setting(number, value):
    return struct.pack(">HI", number, value)


def connection():
    good = headers(GET)
    client = Client(b"GET / HTTQ/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())
    report("preface that is none", client.end_of() == GONE)
    acknowledged = any(isinstance(frame, SettingsFrame) and "ACK" in frame.flags for frame in Client().frames())
    report("settings are acknowledged", acknowledged)
    ends("settings: acknowledged with a payload", raw(4, 1, 0, setting(1, 0)))
    ends("settings: on a stream", raw(4, 0, 1))
    ends("settings: five bytes", raw(4, 0, 0, b"12345"))
    ends("settings: push of 2", raw(4, 0, 0, setting(2, 2)))
    ends("settings: window of 2^31", raw(4, 0, 0, setting(4, 1 << 31)))
    ends("settings: frame size of 16383", raw(4, 0, 0, setting(5, 16383)))
    ends("settings: frame size of 2^24", raw(4, 0, 0, setting(5, 1 << 24)))
    served("settings: an unknown one", raw(4, 0, 0, setting(0xff, 1)), good)
    served("settings: one twice", raw(4, 0, 0, setting(4, 100) + setting(4, 65535)), good)
    served("ping: an answer to none", raw(6, 1, 0, b"12345678"), good)
    ends("ping: on a stream", raw(6, 0, 1, b"12345678"))
    ends("ping: seven bytes", raw(6, 0, 0, b"1234567"))
    ends("goaway: on a stream", raw(7, 0, 1, bytes(8)))
    ends("goaway: seven bytes", raw(7, 0, 0, bytes(7)))
    ends("window update: 0", raw(8, 0, 0, bytes(4)))
    ends("window update: beyond 2^31-1", raw(8, 0, 0, struct.pack(">I", (1 << 31) - 1)) * 2)
    ends("window update: three bytes", raw(8, 0, 0, bytes(3)))
    ends("window update: of an idle stream", raw(8, 0, 1, struct.pack(">I", 1)))
    ends("push promise by a client", raw(5, 4, 1, struct.pack(">I", 2) + block(GET)))
    ends("continuation: of nothing", raw(9, 4, 1, block(GET)))
    served("frame of an unknown kind", raw(0x20, 0xff, 0, b"x" * 100), good)
    served("frame of an unknown kind on a stream", raw(0x20, 0xff, 1, b"x" * 100), good)
    served("unknown flags", raw(6, 0xfe, 0, b"12345678"), good)
    served("the reserved bit", raw(8, 0, 1 << 31, struct.pack(">I", 1)), good)


def streams():
    half = headers(GET, flags=["END_HEADERS"])
    for kind, name, body in [(0, "data", b"x"), (1, "headers", block(GET)), (2, "priority", bytes(5)),
                             (3, "reset", bytes(4)), (9, "continuation", b"")]:
        ends(f"{name}: on stream 0", raw(kind, 4, 0, body))
    ends("data: on an idle stream", raw(0, 1, 1, b"x"))
    ends("reset: of an idle stream", raw(3, 0, 1, bytes(4)))
    ends("reset: three bytes", half, raw(3, 0, 1, bytes(3)))
    ends("headers: an even stream", headers(GET, 2))
    ends("headers: a stream below the last", headers(GET, 5), headers(GET, 3))
    refused("priority: four bytes", open_stream(), raw(2, 0, 1, bytes(4)))
    served("priority: of an idle stream", raw(2, 0, 3, bytes(5)), headers(GET))
    refused("window update: 0 of a stream", open_stream(), raw(8, 0, 1, bytes(4)))
    refused("window update: a stream beyond 2^31-1", open_stream(), raw(8, 0, 1, struct.pack(">I", (1 << 31) - 1)))
    ends("data: padding as long as the frame", open_stream(), raw(0, 9, 1, b"\x05abcd"))
    ends("headers: padding as long as the frame", raw(1, 13, 1, b"\xff" + block(GET)))
    ends("data: beyond the largest frame", open_stream(), raw(0, 0, 1, bytes(16385)))
    ends("headers: beyond the largest frame", raw(1, 5, 1, bytes(16385)))
    ends("continuation: another frame between", headers(GET, flags=["END_STREAM"]), raw(6, 0, 0, bytes(8)))
    ends("continuation: an unknown frame between", headers(GET, flags=["END_STREAM"]), raw(0x20, 0, 1))
    ends("continuation: another stream", headers(GET, flags=["END_STREAM"]), raw(9, 4, 3))
    ends("continuation: after the end of headers", open_stream(), raw(9, 4, 1, b""))
    fields = block(GET)
    pieces = headers(None, flags=["END_STREAM"], data=fields[:1])
    for at in range(1, len(fields), 40):
        pieces += ContinuationFrame(1, data=fields[at:at + 40]).serialize()
    served("continuation: in pieces, the last one empty", pieces, raw(9, 4, 1))
    padded = b"\x08" + struct.pack(">IB", 3, 7) + fields + bytes(8)
    served("headers: padded, with priority", raw(1, 0x2d, 1, padded))
    served("data: padded", open_stream(), raw(0, 9, 1, b"\x04" + BODY + bytes(4)), status=201)
    served("data: an empty frame first and last", open_stream(), data(b"", end=False), data(BODY, end=False),
           data(b""), status=201)
    for frame, name in [(data(b"x"), "data"), (headers(GET), "headers")]:
        client = Client()
        client.send(headers(GET))
        first = client.end_of()
        client.send(frame)
        # It may be passed over, or end the stream or the connection; it is never answered.
        client.send(PingFrame(0, opaque_data=bytes(8)).serialize())
        answered = 0
        for frame in client.frames():
            answered += isinstance(frame, (HeadersFrame, DataFrame))
            if isinstance(frame, GoAwayFrame) or (isinstance(frame, PingFrame) and "ACK" in frame.flags):
                break
        report(f"{name}: on a closed stream", first == 200 and not answered, (first, answered))
    client = Client()
    client.send(b"".join(open_stream(stream=2 * n + 1) for n in range(130)))
    client.send(PingFrame(0, opaque_data=bytes(8)).serialize())
    refusals = 0
    for frame in client.frames():
        refusals += isinstance(frame, RstStreamFrame) and frame.error_code == 7
        if isinstance(frame, (GoAwayFrame, PingFrame)):
            break
    report("more streams than are allowed", refusals > 0, refusals)


def fields():
    def with_(*more, base=GET):
        return base + list(more)

    def without(name, base=GET):
        return [field for field in base if field[0] != name]

    for name, request in [
            ("upper case", with_(("X-Upper", "a"))),
            ("connection", with_(("connection", "keep-alive"))),
            ("proxy-connection", with_(("proxy-connection", "keep-alive"))),
            ("keep-alive", with_(("keep-alive", "1"))),
            ("transfer-encoding", with_(("transfer-encoding", "chunked"))),
            ("upgrade", with_(("upgrade", "h2c"))),
            ("te that is not trailers", with_(("te", "gzip"))),
            ("pseudo-field behind a field", without(":path") + [(":path", "/contextcapture/jobs")]),
            ("unknown pseudo-field", [(":x", "a")] + GET),
            ("pseudo-field of answers", [(":status", "200")] + GET),
            ("no method", without(":method")), ("no scheme", without(":scheme")), ("no path", without(":path")),
            ("two methods", [GET[0]] + GET), ("two schemes", [GET[1]] + GET), ("two paths", [GET[2]] + GET),
            ("empty path", [(":path", "")] + without(":path")),
            ("line end in a value", with_(("x", "a\r\nb: c"))), ("nul in a value", with_(("x", "a\0b")))]:
        refused(f"fields: {name}", headers(request))
    served("fields: te of trailers", headers(with_(("te", "trailers"))))
    served("fields: huffman", headers(None, data=block(GET, huffman=True)))
    served("fields: cookies in crumbs", headers(with_(("cookie", "a=b"), ("cookie", "c=d"))))
    for length in ("0", str(len(BODY) - 1), str(len(BODY) + 1)):
        refused(f"content-length of {length}", open_stream(with_(("content-length", length), base=POST)), data(BODY))
    served("trailers", open_stream(), data(BODY, end=False), headers([("x", "y")]), status=201)
    # The library underneath takes these two: it cuts the fragment off, and of trailers nothing is read.
    served("path with a fragment", headers([GET[0], GET[1], (":path", "/contextcapture/jobs#x"), GET[3], GET[4]]))
    served("trailers with a pseudo-field", open_stream(), data(BODY, end=False), headers([(":method", "POST")]),
           status=201)
    refused("trailers without an end", open_stream(), data(BODY, end=False), headers([("x", "y")], flags=["END_HEADERS"]))
    for name, octets in [("index 0", b"\x80"), ("index beyond the table", b"\xff\xff\x00"),
                         ("table beyond its size", b"\x3f\xe2\x1f"), ("table size behind a field", b"\x82\x20"),
                         ("huffman padding of zeros", b"\x00\x81\x00\x01a"), ("huffman end of string", b"\x00\x84\xff\xff\xff\xff\x01a"),
                         ("string that is cut", b"\x00\x05ab")]:
        ends(f"compression: {name}", headers(None, data=octets))


def windows():
    """A window of one byte, and one that falls below zero while an answer is under way."""
    for first, later in [(1, 1), (5, 0)]:
        client = Client(PREFACE + raw(4, 0, 0, setting(4, first)))
        client.send(headers(GET))
        got, size, good, more = b"", first, True, first + (first - later)
        for frame in client.frames():
            if isinstance(frame, DataFrame):
                good &= len(frame.data) <= size
                got += frame.data
                if "END_STREAM" in frame.flags:
                    break
                if later != first:
                    client.send(raw(4, 0, 0, setting(4, later)))
                client.send(WindowUpdateFrame(1, window_increment=more).serialize())
                more = first
        report(f"a window of {first}, then of {later}", good and got.startswith(b"{") and got.endswith(b"}"), got)


def strict_reader():
    """Their own client, which ends a connection at the first frame that a server must not send."""
    peer = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True))
    link = socket.create_connection(ADDRESS, PATIENCE)
    peer.initiate_connection()
    count, ended, statuses = 300, 0, []
    for n in range(count):
        stream = peer.get_next_available_stream_id()
        post = n % 3 == 0
        peer.send_headers(stream, POST if post else GET, end_stream=not post)
        if post:
            peer.send_data(stream, BODY, end_stream=True)
        link.sendall(peer.data_to_send())
        open_ = True
        while open_:
            octets = link.recv(65536)
            if not octets:
                break
            for event in peer.receive_data(octets):
                if isinstance(event, h2.events.ResponseReceived):
                    statuses.append(dict(event.headers)[b":status"] if isinstance(event.headers[0][0], bytes)
                                    else dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    ended, open_ = ended + 1, False
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    open_ = False
            link.sendall(peer.data_to_send())
        if open_:
            break
    report("300 requests, read strictly", ended == count and len(statuses) == count, f"{ended} ended")


for part in (connection, streams, fields, windows, strict_reader):
    part()
print("done", flush=True)

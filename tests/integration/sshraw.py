"""An SSH client (RFC 4253, 4252, 4254) that does what a test tells it, right or wrong.

It knows one key exchange (curve25519-sha256) and two ciphers (aes128-gcm, chacha20-poly1305 with
OpenSSH's strict key exchange), and checks nothing of the server but what it needs to go on.
"""
import base64
import os
import socket
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, poly1305, serialization as S
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE, ACCEPT, EXT_INFO = 1, 2, 3, 4, 5, 6, 7
KEXINIT, NEWKEYS, ECDH_INIT, ECDH_REPLY = 20, 21, 30, 31
USERAUTH, FAILURE, SUCCESS, BANNER, PK_OK, INFO_REQUEST, INFO_RESPONSE = 50, 51, 52, 53, 60, 60, 61
GLOBAL, GLOBAL_OK, GLOBAL_NO = 80, 81, 82
OPEN, OPEN_OK, OPEN_NO, WINDOW, DATA, EXTENDED, EOF, CLOSE, REQUEST, REQUEST_OK, REQUEST_NO = \
    range(90, 101)
GCM, CHACHA = "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"
WINDOW_ALL = 0xffffffff


class Ended(Exception):
    """The server ended the connection; `text` is that of its disconnect message, if one came."""

    def __init__(self, text=None):
        super().__init__("ended: %s" % (text if text is not None else "without a word"))
        self.text = text


def u32(n):
    return struct.pack(">I", n & WINDOW_ALL)


def string(b):
    b = b.encode() if isinstance(b, str) else b
    return u32(len(b)) + b


def mpint(b):
    b = b.lstrip(b"\0")
    return string(b"\0" + b if b and b[0] & 0x80 else b)


class Reader:
    def __init__(self, data):
        self.d, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.d[self.at - n:self.at]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def string(self):
        return self.take(self.u32())

    def text(self):
        return self.string().decode("utf-8", "replace")


# ---- what hides and seals packets ----------------------------------------------------------------

class Plain:
    block, has_tag = 8, False

    def seal(self, seq, body):
        return u32(len(body)) + body

    def open(self, seq, read):
        return read(struct.unpack(">I", read(4))[0])


class Gcm:
    block, has_tag = 16, True

    def __init__(self, key):
        self.c, self.iv, self.n = AESGCM(key(16, 0)), key(12, 1), 0

    def nonce(self):
        self.n += 1
        low = int.from_bytes(self.iv[4:], "big") + self.n - 1
        return self.iv[:4] + (low % (1 << 64)).to_bytes(8, "big")

    def seal(self, seq, body):
        return u32(len(body)) + self.c.encrypt(self.nonce(), body, u32(len(body)))

    def open(self, seq, read):
        head = read(4)
        return self.c.decrypt(self.nonce(), read(struct.unpack(">I", head)[0] + 16), head)


class Chacha:
    block, has_tag = 8, True

    def __init__(self, key):
        both = key(64, 0)
        self.body, self.head = both[:32], both[32:]

    @staticmethod
    def stream(key, seq, counter, data):
        nonce = struct.pack("<Q", counter) + struct.pack(">Q", seq)
        return Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor().update(data)

    def tag(self, seq, data):
        return poly1305.Poly1305.generate_tag(self.stream(self.body, seq, 0, b"\0" * 32), data)

    def seal(self, seq, body):
        d = self.stream(self.head, seq, 0, u32(len(body))) + self.stream(self.body, seq, 1, body)
        return d + self.tag(seq, d)

    def open(self, seq, read):
        head = read(4)
        n = struct.unpack(">I", self.stream(self.head, seq, 0, head))[0]
        body, tag = read(n), read(16)
        if self.tag(seq, head + body) != tag:
            raise InvalidTag()
        return self.stream(self.body, seq, 1, body)


CIPHERS = {GCM: Gcm, CHACHA: Chacha}


# ---- keys ------------------------------------------------------------------------------------------

class Key:
    """An Ed25519 key of the lab's, or one made on the spot."""
    kind = "ssh-ed25519"

    def __init__(self, path=None):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        if path is None:
            self.k = Ed25519PrivateKey.generate()
        else:
            with open(path, "rb") as f:
                self.k = S.load_ssh_private_key(f.read(), None)
        self.blob = string(self.kind) + string(self.k.public_key().public_bytes(
            S.Encoding.Raw, S.PublicFormat.Raw))

    def sign(self, data):
        return string(self.kind) + string(self.k.sign(data))


class SkEd25519(Key):
    """A FIDO key (OpenSSH, PROTOCOL.u2f) with `flags`; it `says` others in its signature, or None."""
    kind = "sk-ssh-ed25519@openssh.com"

    def __init__(self, application="ssh:", like=None):
        self.application, self.flags, self.says, self.n = application.encode(), 1, None, 0
        if like is None:
            self.make()
        else:
            self.k = like.k
        self.blob = string(self.kind) + self.public() + string(self.application)

    def make(self):
        super().__init__()

    def public(self):
        return string(self.k.public_key().public_bytes(S.Encoding.Raw, S.PublicFormat.Raw))

    def proof(self, data):
        return self.k.sign(data)

    def line(self):
        return "%s %s\n" % (self.kind, base64.b64encode(self.blob).decode())

    def sign(self, data):
        self.n += 1
        tail = u32(self.n & 0xffffffff)
        sig = self.proof(Ssh.digest(self.application) + bytes([self.flags]) + tail + Ssh.digest(data))
        return string(self.kind) + string(sig) + \
            bytes([self.flags if self.says is None else self.says]) + tail


class SkEcdsa(SkEd25519):
    kind = "sk-ecdsa-sha2-nistp256@openssh.com"

    def make(self):
        self.k = ec.generate_private_key(ec.SECP256R1())

    def public(self):
        return string("nistp256") + string(self.k.public_key().public_bytes(
            S.Encoding.X962, S.PublicFormat.UncompressedPoint))

    def proof(self, data):
        r, s = decode_dss_signature(self.k.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(mpint(x.to_bytes(32, "big")) for x in (r, s))


# ---- the connection ----------------------------------------------------------------------------------

class Ssh:
    """One connection. `until` names the stage at which to stop: None, "version", "kexinit", "kex"."""

    def __init__(self, sock, cipher=GCM, strict=True, until=None, kex=True, first=()):
        self.s, self.cipher, self.strict, self.first = sock, cipher, strict, first
        self.buf = b""
        self.out_seq = self.in_seq = 0
        self.seal, self.unseal = Plain(), Plain()
        self.session_id = None
        self.channels = 0
        self.banners, self.extensions = [], {}
        self.mine, self.theirs = b"SSH-2.0-test", None
        if until == "connect":
            return
        self.s.sendall(self.mine + b"\r\n")
        self.theirs = self.version()
        if until == "version":
            return
        self.kexinit(until)

    # -- bytes

    def read(self, n):
        while len(self.buf) < n:
            try:
                d = self.s.recv(65536)
            except socket.timeout:
                raise
            except OSError:
                d = b""
            if not d:
                raise Ended()
            self.buf += d
        d, self.buf = self.buf[:n], self.buf[n:]
        return d

    def version(self):
        lines = []
        while True:
            line = b""
            while not line.endswith(b"\n"):
                try:
                    line += self.read(1)
                except Ended:
                    raise Ended(b" ".join(lines).decode("utf-8", "replace") or None) from None
            if line.startswith(b"SSH-"):
                return line.rstrip(b"\r\n")
            lines.append(line.strip())

    def packet(self, payload):
        """The bytes of one packet, which count as sent."""
        c = self.seal
        over = 1 if c.has_tag else 5            # what of the head counts for the padding
        pad = c.block - (len(payload) + over) % c.block
        pad += c.block if pad < 4 else 0
        d = c.seal(self.out_seq, bytes([pad]) + payload + os.urandom(pad))
        self.out_seq = (self.out_seq + 1) & WINDOW_ALL
        return d

    def raw(self, data):
        try:
            self.s.sendall(data)
        except socket.timeout:
            raise
        except OSError:
            self.drain()

    def drain(self):
        """The server went away while we wrote: what did it say?"""
        while True:
            self.recv()

    def send(self, *parts):
        self.raw(self.packet(b"".join(bytes([p]) if isinstance(p, int) else p for p in parts)))

    def recv_any(self):
        try:
            d = self.unseal.open(self.in_seq, self.read)
        except InvalidTag:
            raise Ended("our own check of a tag failed") from None
        self.in_seq = (self.in_seq + 1) & WINDOW_ALL
        return d[1:len(d) - d[0]]

    def recv(self):
        """The next message that is not about the transport."""
        while True:
            m = self.recv_any()
            if not m:
                raise Ended("an empty message")
            r = Reader(m[1:])
            if m[0] == DISCONNECT:
                r.u32()
                raise Ended(r.text())
            if m[0] == KEXINIT:
                self.kexinit(None, m)
            elif m[0] == BANNER:
                self.banners.append(r.text())
            elif m[0] == EXT_INFO:
                for _ in range(r.u32()):
                    name = r.text()
                    self.extensions[name] = r.text()
            elif m[0] == GLOBAL:
                r.string()
                if r.take(1) == b"\1":
                    self.send(GLOBAL_NO)
            elif m[0] not in (IGNORE, DEBUG):
                return m

    def end(self):
        """Read until the server ends the connection; the text of its word."""
        try:
            while True:
                self.recv()
        except Ended as e:
            return e.text

    def ended(self, seconds=60):
        """Like end(), but None also when nothing happened; whether it ended at all."""
        self.s.settimeout(seconds)
        try:
            self.end()
            return True
        except socket.timeout:
            return False

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- key exchange

    def offer(self):
        kex = "curve25519-sha256,ext-info-c"
        if self.strict and self.session_id is None:
            kex += ",kex-strict-c-v00@openssh.com"
        keys = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,rsa-sha2-512,rsa-sha2-256"
        lists = [kex, keys, self.cipher, self.cipher, "hmac-sha2-256-etm@openssh.com",
                 "hmac-sha2-256-etm@openssh.com", "none", "none", "", ""]
        return bytes([KEXINIT]) + os.urandom(16) + b"".join(map(string, lists)) + b"\0" + u32(0)

    def kexinit(self, until, theirs=None):
        self.i_c = self.offer()
        for m in self.first if self.session_id is None else ():
            self.send(m)
        self.send(self.i_c)
        self.i_s = theirs or self.recv_any()
        r = Reader(self.i_s[17:])
        self.lists = [r.text().split(",") for _ in range(10)]
        if until == "kexinit":
            return
        self.kex_send()
        m = self.kex_reply()
        if until == "kex":
            return
        self.kex_finish(m)

    def kex_send(self):
        self.x = X25519PrivateKey.generate()
        self.q_c = self.x.public_key().public_bytes(S.Encoding.Raw, S.PublicFormat.Raw)
        self.send(ECDH_INIT, string(self.q_c))

    def kex_reply(self):
        m = self.recv_any()
        while m[0] in (IGNORE, DEBUG):
            m = self.recv_any()
        if m[0] == DISCONNECT:
            r = Reader(m[1:])
            r.u32()
            raise Ended(r.text())
        if m[0] != ECDH_REPLY:
            raise Ended("no answer to the key exchange but message %d" % m[0])
        return m

    def kex_finish(self, m):
        r = Reader(m[1:])
        self.host_key = r.string()
        q_s = r.string()
        k = mpint(self.x.exchange(X25519PublicKey.from_public_bytes(q_s)))
        h = self.digest(b"".join(map(string, (self.mine, self.theirs, self.i_c, self.i_s,
                                              self.host_key, self.q_c, q_s))) + k)
        first = self.session_id is None
        self.session_id = self.session_id or h

        def key(letters):
            def make(size, which):
                d = self.digest(k + h + letters[which] + self.session_id)
                while len(d) < size:
                    d += self.digest(k + h + d)
                return d[:size]
            return make
        self.send(NEWKEYS)
        self.strict_now = self.strict and (getattr(self, "strict_now", False) or
                                           "kex-strict-s-v00@openssh.com" in self.lists[0])
        # IV and key, client to server, then server to client (RFC 4253 section 7.2)
        self.seal = CIPHERS[self.cipher](key([b"C", b"A"]))
        if self.strict_now:
            self.out_seq = 0
        m = self.recv_any()
        if m[0] != NEWKEYS:
            raise Ended("no NEWKEYS but message %d" % m[0])
        self.unseal = CIPHERS[self.cipher](key([b"D", b"B"]))
        if self.strict_now:
            self.in_seq = 0
        return first

    @staticmethod
    def digest(data):
        h = hashes.Hash(hashes.SHA256())
        h.update(data)
        return h.finalize()

    # -- user authentication

    def service(self, name="ssh-userauth"):
        self.send(SERVICE, string(name))
        m = self.recv()
        if m[0] != ACCEPT:
            raise Ended("no service but message %d" % m[0])

    def userauth(self, user, method, rest=b"", service="ssh-connection"):
        self.send(USERAUTH, string(user), string(service), string(method), rest)

    def probe_send(self, user, key):
        self.userauth(user, "publickey", b"\0" + string(key.kind) + string(key.blob))

    def probe(self, user, key):
        self.probe_send(user, key)
        return self.recv()

    def signed(self, user, key, signer=None, session_id=None, service="ssh-connection", said=None):
        """Offer `key` with a signature of `signer`, over `session_id`, for user `said`."""
        rest = b"\1" + string(key.kind) + string(key.blob)
        head = bytes([USERAUTH]) + string(said or user) + string(service) + string("publickey")
        sig = (signer or key).sign(string(session_id or self.session_id) + head + rest)
        self.userauth(user, "publickey", rest + string(sig), service)

    def login(self, user, key):
        self.service()
        self.signed(user, key)
        m = self.recv()
        if m[0] != SUCCESS:
            raise Ended("not let in: message %d" % m[0])
        return self

    # -- channels

    def open_send(self, host, port, window=2 << 20, packet=32768, kind="direct-tcpip", rest=None):
        n = self.channels
        self.channels += 1
        if rest is None:
            rest = string(host) + u32(port) + string("127.0.0.1") + u32(4711)
        self.send(OPEN, string(kind), u32(n), u32(window), u32(packet), rest)
        return n

    def open(self, host, port, **kw):
        """A Channel, or the code of the refusal."""
        n = self.open_send(host, port, **kw)
        while True:
            m = self.recv()
            r = Reader(m[1:])
            if m[0] in (OPEN_OK, OPEN_NO) and r.u32() == n:
                if m[0] == OPEN_NO:
                    return r.u32()
                return Channel(self, n, r.u32(), r.u32(), r.u32())


class Channel:
    """One open channel, when it is the only one in use."""

    def __init__(self, ssh, mine, theirs, window, packet):
        self.ssh, self.mine, self.theirs, self.window, self.packet = ssh, mine, theirs, window, packet
        self.buf = b""

    def send(self, data):
        """All of it, as the window allows; what comes meanwhile is kept."""
        while data:
            n = min(self.window, 32000, len(data))
            if n == 0:
                self.take()
                continue
            self.ssh.send(DATA, u32(self.theirs), string(data[:n]))
            self.window -= n
            data = data[n:]

    def adjust(self, n):
        self.ssh.send(WINDOW, u32(self.theirs), u32(n))

    def event(self):
        """The next (type, data) of this channel."""
        while True:
            m = self.ssh.recv()
            r = Reader(m[1:])
            if m[0] < WINDOW or r.u32() != self.mine:
                continue
            if m[0] == WINDOW:
                self.window += r.u32()
            return m[0], r.string() if m[0] == DATA else b""

    def take(self):
        """One event; False when it was the end."""
        kind, d = self.event()
        self.buf += d
        return kind not in (EOF, CLOSE)

    def read(self, n):
        """n bytes, or what comes before the end."""
        while len(self.buf) < n and self.take():
            pass
        d, self.buf = self.buf[:n], self.buf[n:]
        return d

    def eof(self):
        self.ssh.send(EOF, u32(self.theirs))

    def close(self):
        self.ssh.send(CLOSE, u32(self.theirs))

"""What the tests of abuse share: certificates byte by byte, TLS clients, questions to ident."""
import ctypes
import datetime
import os
import socket
import ssl
import struct
import threading

from cryptography.hazmat.primitives import hashes, serialization as S
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography import x509
import lab as L

IDENT_SOCKET = "/run/sshbridge/ident.sock"
WHO, IS, NO = 30, 31, 32
AUTH, ACCOUNT, OPEN_SESSION = 1, 2, 3


# ---- DER, so that a certificate can say what no tool would write -----------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def seq(*parts):
    return tlv(0x30, *parts)


def oid(dotted):
    arcs = [int(x) for x in dotted.split(".")]
    out = b""
    for a in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        septets = [a & 0x7f]
        while a > 0x7f:
            a >>= 7
            septets.append(0x80 | a & 0x7f)
        out += bytes(reversed(septets))
    return tlv(0x06, out)


def integer(n):
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def rdn(value, dotted="2.5.4.3", tag=0x0c):
    """One RDN: commonName as UTF8String, unless told otherwise."""
    return tlv(0x31, seq(oid(dotted), tlv(tag, value)))


def email(text):
    return tlv(0x81, text)


def san(*names):
    return "2.5.29.17", False, seq(*names)


def extension(dotted, critical, der):
    return seq(oid(dotted), tlv(0x01, b"\xff") if critical else b"", tlv(0x04, der))


class Forge:
    """Makes leaves signed by the lab's intermediate CA, whatever is in them."""

    def __init__(self, lab):
        self.lab = lab
        with open(lab.path("intermediate.pem"), "rb") as f:
            self.issuer = x509.load_pem_x509_certificate(f.read())
        with open(lab.path("ca/intermediate.key"), "rb") as f:
            self.key = S.load_pem_private_key(f.read(), None)
        self.ski = self.issuer.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier).value.digest
        with open(lab.path("intermediate.pem")) as f:
            self.intermediate = f.read()

    def leaf(self, name, subject, extensions=(), extra=""):
        """NAME.pem (leaf, intermediate, `extra`) and NAME.key. `subject`: RDNs."""
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(S.Encoding.DER, S.PublicFormat.SubjectPublicKeyInfo)
        now = datetime.datetime.utcnow()
        times = [tlv(0x17, (now + datetime.timedelta(hours=h)).strftime("%y%m%d%H%M%SZ").encode())
                 for h in (-1, 24)]
        algorithm = seq(oid("1.2.840.10045.4.3.2"))
        exts = [("2.5.29.35", False, seq(tlv(0x80, self.ski))),
                ("2.5.29.15", True, tlv(0x03, b"\x07\x80")),
                ("2.5.29.37", False, seq(oid("1.3.6.1.5.5.7.3.2"))), *extensions]
        tbs = seq(tlv(0xa0, integer(2)), integer(int.from_bytes(os.urandom(8), "big") + 1),
                  algorithm, self.issuer.subject.public_bytes(), seq(*times), seq(*subject), spki,
                  tlv(0xa3, seq(*[extension(*x) for x in exts])))
        sig = self.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        der = seq(tbs, algorithm, tlv(0x03, b"\0" + sig))
        self.lab.write(name + ".pem", ssl.DER_cert_to_PEM_cert(der) + self.intermediate + extra)
        self.lab.write(name + ".key", key.private_bytes(
            S.Encoding.PEM, S.PrivateFormat.PKCS8, S.NoEncryption()), 0o600)
        return der


# ---- clients -----------------------------------------------------------------------------------

def tcp(source="127.0.0.1", port=L.BRIDGE_PORT, timeout=60):
    s = socket.create_connection(("127.0.0.1", port), timeout, source_address=(source, 0))
    return s


clear_errors = ctypes.CDLL("libcrypto.so.3").ERR_clear_error


class Tls(ssl.SSLSocket):
    """Python leaves in OpenSSL's queue what one socket failed with, and takes it for the next one's."""

    def read(self, *args):
        clear_errors()
        return super().read(*args)

    def send(self, *args):
        clear_errors()
        return super().send(*args)

    def do_handshake(self, *args):
        clear_errors()
        return super().do_handshake(*args)


ssl.SSLContext.sslsocket_class = Tls


def tls_context(lab, cert="alice", key=None):
    c = ssl.create_default_context(cafile=lab.path("client-ca.pem"))
    if cert is not None:
        c.load_cert_chain(lab.path(cert + ".pem"), lab.path((key or cert) + ".key"))
    return c


def tls(lab, cert="alice", sni="bastion.example", source="127.0.0.1", port=L.BRIDGE_PORT, ctx=None,
        first=b""):
    """A TLS client through whose handshake the bridge may or may not let us."""
    c = ctx or tls_context(lab, cert)
    c.check_hostname = False
    s = tcp(source, port)
    s.sendall(first)
    return c.wrap_socket(s, server_hostname=sni)


def read_all(s, limit=1 << 20):
    """What comes until the end; an alert or a reset is an end too."""
    out = b""
    try:
        while len(out) < limit:
            d = s.recv(65536)
            if not d:
                break
            out += d
    except OSError:
        pass
    return out


def attempt(lab, cert, **kw):
    """What a client with this certificate gets to read: sshd's banner, or not."""
    ctx = tls_context(lab, cert)        # this client's own complaints are no refusal
    try:
        s = tls(lab, ctx=ctx, **kw)
    except OSError:
        return b""
    out = b""
    try:
        while b"SSH-" not in out:
            d = s.recv(4096)
            if not d:
                break
            out += d
    except OSError:
        pass
    s.close()
    return out


def together(jobs):
    """Run them at once; their results in order."""
    out = [None] * len(jobs)

    def one(i):
        try:
            out[i] = jobs[i]()
        except Exception as e:      # noqa: the caller judges it
            out[i] = e
    threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(len(jobs))]
    for x in threads:
        x.start()
    for x in threads:
        x.join(300)
    return out


# ---- questions to ident (docs/PROTOCOL.md) -----------------------------------------------------

def field_w(v):
    return b"w" + struct.pack(">I", v)


def field_b(v):
    return b"b" + struct.pack(">I", len(v)) + v


def who(account="alice", uid=2001, hook=ACCOUNT, service=b"sshd", info=b""):
    return struct.pack(">HHQ", WHO, 1, 0) + field_w(hook) + field_b(service) + \
        field_b(account if isinstance(account, bytes) else account.encode()) + \
        field_w(uid is not None) + field_w(uid or 0) + field_b(info) + field_w(0)


def ask_socket(timeout=60):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(IDENT_SOCKET)         # before the timeout: it waits where the queue is full
    s.settimeout(timeout)
    return s


def ask(packet, fds=()):
    """(IS or NO, its bytes), or (None, b"") when ident ends the connection without an answer."""
    with ask_socket() as s:
        try:
            socket.send_fds(s, [packet], list(fds))
            d = s.recv(65536)
        except OSError:
            return None, b""
    if not d:
        return None, b""
    return struct.unpack(">H", d[:2])[0], d


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid) as f:
        w = f.read().rsplit(")", 1)[1].split()
    return int(w[11]) + int(w[12])


def pss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return int([l for l in f if l.startswith("Pss:")][0].split()[1])

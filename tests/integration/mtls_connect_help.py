"""What the tests of mtls-connect share: a small PKI, TLS servers through Python and s_server.

The peer here is the bridge's stand-in: it asks for a certificate of the test's CA and says what
the bridge would say. Everything runs on loopback, in a temporary folder.
"""
import contextlib
import datetime
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import traceback

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
CLIENT = os.path.join(BUILD, "bin", "mtls-connect")
MIB = 1 << 20
ID = b"SSH-2.0-test\r\n"
DIR = tempfile.mkdtemp(prefix="mtls-connect.")
TESTS = []
STARTED = []                                # those that a failed test left are ended


def test(f):
    TESTS.append(f)
    return f


def path(*names):
    return os.path.join(DIR, *names)


# ---- a small PKI -----------------------------------------------------------------------------

def openssl(*args, **kw):
    r = subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       cwd=DIR, **kw)
    if r.returncode != 0:
        raise AssertionError(" ".join(args) + ": " + r.stderr.decode())
    return r.stdout


def stamp(days):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return t.strftime("%Y%m%d%H%M%SZ")


SERIAL = [1000]


def issue(name, issuer, ext, start=-1, end=30, subject=None, own_key=False):
    """NAME.key, NAME.crt signed by `issuer` (None: itself), with the given extension lines."""
    if not own_key:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-out", name + ".key")
    os.chmod(path(name + ".key"), 0o600)
    openssl("req", "-new", "-key", name + ".key", "-subj", "/CN=" + (subject or name),
            "-out", name + ".csr", "-config", "empty.cnf")
    SERIAL[0] += 1
    with open(path(name + ".cnf"), "w") as f:
        f.write(f"""[ca]
default_ca = x
[x]
new_certs_dir = {DIR}
database = {name}.db
serial = {name}.srl
default_md = sha256
policy = p
unique_subject = no
[p]
CN = supplied
[e]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{ext}
""")
    open(path(name + ".db"), "w").close()
    with open(path(name + ".srl"), "w") as f:
        f.write("%04X\n" % SERIAL[0])
    signer = ["-selfsign", "-keyfile", name + ".key"] if issuer is None else \
        ["-cert", issuer + ".crt", "-keyfile", issuer + ".key"]
    openssl("ca", "-batch", "-notext", "-config", name + ".cnf", *signer, "-in", name + ".csr",
            "-out", name + ".crt", "-startdate", stamp(start), "-enddate", stamp(end),
            "-extensions", "e")


CA_EXT = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign"
LEAF = "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n"
CLIENT_EXT = LEAF + "extendedKeyUsage = clientAuth"
SERVER_EXT = LEAF + "extendedKeyUsage = serverAuth\nsubjectAltName = "


def join(out, *names):
    with open(path(out), "wb") as f:
        for n in names:
            f.write(open(path(n), "rb").read())


def make_pki():
    with open(path("empty.cnf"), "w") as f:
        f.write("[req]\ndistinguished_name = dn\n[dn]\n")
    issue("root", None, CA_EXT)
    issue("inter", "root", CA_EXT)
    issue("other", None, CA_EXT, subject="root")
    issue("alice", "inter", CLIENT_EXT)
    issue("expired", "inter", CLIENT_EXT, start=-9, end=-3)
    issue("soon", "inter", CLIENT_EXT, end=1 / 48)
    issue("stranger", "other", CLIENT_EXT)
    issue("server", "root", SERVER_EXT + "DNS:localhost,DNS:eyes.example,IP:127.0.0.1,IP:::1")
    issue("elsewhere", "root", SERVER_EXT + "DNS:elsewhere.example,IP:192.0.2.77")
    issue("nosan", "root", LEAF + "extendedKeyUsage = serverAuth", subject="localhost")
    issue("asclient", "root", LEAF + "extendedKeyUsage = clientAuth\n"
          "subjectAltName = DNS:localhost")
    issue("anyuse", "root", LEAF + "subjectAltName = DNS:localhost")
    issue("selfmade", "other", SERVER_EXT + "DNS:localhost")
    join("alice.pem", "alice.crt", "inter.crt")
    join("expired.pem", "expired.crt", "inter.crt")
    join("soon.pem", "soon.crt", "inter.crt")
    join("trust.pem", "root.crt", "inter.crt")


# ---- the peer --------------------------------------------------------------------------------

class Peer:
    """One TLS server on a free port; each connection runs `serve(conn)` in a thread."""

    def __init__(self, serve, cert="server", ca="root.crt", family=socket.AF_INET, plain=False,
                 host=None, verify=ssl.CERT_REQUIRED, maximum=None):
        self.errors = []
        self.serve, self.plain = serve, plain
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ctx.load_cert_chain(path(cert + ".crt"), path(cert + ".key"))
        self.ctx.load_verify_locations(path(ca))
        self.ctx.verify_mode = verify
        if maximum is not None:
            self.ctx.maximum_version = maximum
        self.sni = []
        self.ctx.sni_callback = lambda s, name, c: self.sni.append(name)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
        self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        self.threads = []
        self.closed = False
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            if self.closed:
                c.close()
                return
            t = threading.Thread(target=self.one, args=(c,), daemon=True)
            self.threads.append(t)
            t.start()

    def one(self, c):
        try:
            with c:
                if self.plain:
                    self.serve(c)
                else:
                    with self.ctx.wrap_socket(c, server_side=True,
                                              suppress_ragged_eofs=False) as s:
                        self.serve(s)
        except Exception as e:
            self.errors.append(e)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.closed = True
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        if exc[0] is None:                  # a test that failed may have left it waiting
            self.thread.join()
            for t in self.threads:
                t.join()


def receive(s, n):
    out = b""
    while len(out) < n:
        d = s.recv(n - len(out))
        if not d:
            break
        out += d
    return out


def read_end(s):
    """Everything up to the other side's close_notify."""
    out = []
    while True:
        d = s.recv(MIB)
        if not d:
            return b"".join(out)
        out.append(d)


def say_and_close(text):
    def serve(s):
        s.sendall(text)
        s.unwrap()
    return serve


def echo(s):
    """Echo until the end; half-close in both directions."""
    s.sendall(ID)
    while True:
        d = s.recv(65536)
        if not d:
            break
        s.sendall(d)
    s.unwrap()


# ---- the client ------------------------------------------------------------------------------

def command(target, *options, cert="alice.pem", key="alice.key", ca="root.crt"):
    return [CLIENT, "--cert", path(cert), "--key", path(key), "--ca", path(ca), *options, target]


def client(target, *options, data=b"", env=None, **kw):
    """Run to the end: (exit code, stdout, stderr)."""
    p = subprocess.run(command(target, *options, **kw), input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=env)
    return p.returncode, p.stdout, p.stderr.decode()


def start(target, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kw):
    STARTED.append(subprocess.Popen(command(target, *options, **kw), stdin=stdin, stdout=stdout,
                                    stderr=subprocess.PIPE))
    return STARTED[-1]


def finish(c):
    """Close what is left of a process's pipes: (exit code, stderr)."""
    err = c.stderr.read().decode() if c.stderr and not c.stderr.closed else ""
    code = c.wait()
    for f in c.stdin, c.stdout, c.stderr:
        if f is not None:
            with contextlib.suppress(OSError):
                f.close()
    return code, err


def check(cond, *what):
    if not cond:
        raise AssertionError(" ".join(repr(w) for w in what))


def refused(result, *words):
    code, out, err = result
    check(code == 1 and out == b"", "exit 1, no output", result)
    for w in words:
        check(w in err, w, "in", err)


def s_server(*args):
    """openssl s_server on a port of its own choice: (process, port)."""
    p = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "server.crt",
                          "-key", "server.key", "-Verify", "4", "-verify_return_error", *args],
                         cwd=DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    while True:
        line = p.stdout.readline().decode()
        check(line != "", "s_server ended")
        m = re.match(r"ACCEPT .*:(\d+)$", line.strip())
        if m:
            return p, int(m.group(1))


@contextlib.contextmanager
def running(p):
    try:
        yield p
    finally:
        p.kill()
        p.wait()
        for f in p.stdin, p.stdout, p.stderr:
            if f is not None:
                with contextlib.suppress(OSError):
                    f.close()


# ---- running ---------------------------------------------------------------------------------

def main():
    words = sys.argv[1:]
    n = failed = 0
    for f in TESTS:
        name = f.__name__.replace("_", " ")
        if words and not any(w in f.__name__ for w in words):
            continue
        n += 1
        try:
            skip = f()
            print(f"ok {n} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)
        except Exception:
            failed += 1
            for c in STARTED:
                if c.poll() is None:
                    c.kill()
            print(f"not ok {n} - {name}", flush=True)
            print("".join("# " + line + "\n"
                          for line in traceback.format_exc().splitlines()[-12:]), flush=True)
    print(f"1..{n}")
    return 1 if failed else 0


def run_all(namespace=None):
    """Everything between the PKI and the clean-up; `namespace` runs for --eyes in its place."""
    global DIR
    if sys.argv[1:] == ["--eyes"]:
        shutil.rmtree(DIR)
        DIR = os.environ["DIR"]
        namespace()
        return 0
    try:
        make_pki()
        return main()
    finally:
        shutil.rmtree(DIR)

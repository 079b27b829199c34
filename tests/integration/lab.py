"""A bastion in private namespaces: users, pam.d, a real sshd, the bridge, a throwaway CA.

Nothing of the machine is changed: /etc/passwd and its like, /etc/pam.d and /run are covered by
private mounts, the network is a namespace of its own with only a loopback. Everything lives in
one folder under /tmp that goes away at the end. Used by the tests here and by `make demo`.
"""
import atexit
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
SSHD_PORT = 22
BRIDGE_PORT = 8443

CONF = """\
listen "[::]:8443" {{}}
tls      {{ certificate = "server.pem"  key = "server.key" }}
trust "corp" {{ anchors = "client-ca.pem"  intermediates = "intermediate.pem"
               crl = {{"crl.pem"}}  revocation = "require" }}
identity-map = "identity.map"
locks = "locks"
workers = {workers}
log = "{log}"
target "login" {{ mode = "forward"  address = "127.0.0.1:22" }}
limits {{ handshake-timeout = {handshake}  per-identity = {per_identity}  per-address = {per_address} }}
"""

SSHD_CONF = """\
Port 22
ListenAddress 127.0.0.1
HostKey {dir}/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
PidFile {dir}/sshd.pid
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
PermitUserEnvironment no
LogLevel VERBOSE
Subsystem sftp internal-sftp
# as the README says
MaxStartups 200:30:400
PerSourceMaxStartups 4
LoginGraceTime 30
"""


def enter():
    """Start this script again in its own mount, network and PID-visible world. Root only."""
    if os.geteuid() != 0:
        print("1..0 # skip needs root: it makes namespaces and starts an sshd")
        sys.exit(0)
    if os.environ.get("LAB_INSIDE") == "1":
        return
    os.environ["LAB_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", "--",
                          sys.executable, *sys.argv])


class Fail(Exception):
    pass


def wait_for(what, check, seconds=30):
    """Wait until check() is true; the limit only keeps a broken run from hanging."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        r = check()
        if r:
            return r
        time.sleep(0.02)
    raise Fail("waited %d s in vain for: %s" % (seconds, what))


class Result:
    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __str__(self):
        return "$ %s\n%s%s(status %s)" % (shlex.join(self.argv), self.out, self.err, self.code)


def run(argv, stdin=None, timeout=60, env=None):
    p = subprocess.run(argv, input=stdin, capture_output=True, timeout=timeout, env=env)
    return Result(argv, p.returncode, p.stdout.decode("utf-8", "replace"),
                  p.stderr.decode("utf-8", "replace"))


def must(argv, **kw):
    r = run(argv, **kw)
    if r.code != 0:
        raise Fail("%s" % r)
    return r


def sshd_version():
    """(9, 2) of OpenSSH 9.2; client and server are of one source."""
    m = re.search(r"OpenSSH_(\d+)\.(\d+)", run(["ssh", "-V"]).err)
    return int(m.group(1)), int(m.group(2))


class Bridge:
    """One running sshbridge; plays the service manager for it."""

    def __init__(self, lab, log_name, env=None, argv=()):
        self.lab = lab
        self.log = os.path.join(lab.dir, log_name)
        self.notify_path = os.path.join(lab.dir, "notify.%d.%d" % (os.getpid(), lab.count()))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.states = []
        threading.Thread(target=self._listen, args=(self.notify,), daemon=True).start()
        e = dict(os.environ, NOTIFY_SOCKET=self.notify_path, **(env or {}))
        e.pop("JOURNAL_STREAM", None)
        with open(self.log, "ab") as f:
            self.p = subprocess.Popen([lab.bin("sbin/sshbridge"), "-f", lab.conf, *argv],
                                      stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=e)

    def _listen(self, notify):
        while True:
            try:
                self.states.append(notify.recv(4096).decode())
            except OSError:
                return

    def wait_ready(self):
        self.wait_state("READY=1")

    def wait_state(self, want):
        def said():
            ended = self.p.poll() is not None
            found = [s for s in self.states if want in s]
            if ended and not found:
                time.sleep(0.5)     # its last word may not have been taken in yet: no is said late
                found = [s for s in self.states if want in s]
                if not found:
                    raise Fail("sshbridge ended with status %s:\n%s" % (self.p.returncode, self.text()))
            return found
        try:
            return wait_for(want + " of sshbridge", said, 120)[-1]
        except Fail as e:
            raise Fail("%s\n%s" % (e, self.tree()))

    def tree(self):
        """What each of its processes is about, for a test that waits in vain."""
        lines = ["states: %r" % self.states]
        for tag, pids in [("monitor", [self.p.pid]), *self.children().items()]:
            for pid in pids:
                one = lambda name: open("/proc/%d/%s" % (pid, name)).read().replace("\n", " ")
                try:
                    lines.append("%s %d: %s, in %s, call %s" % (tag, pid, one("stat").split(")")[1][:2],
                                                                one("wchan"), one("syscall")))
                except OSError as e:
                    lines.append("%s %d: %s" % (tag, pid, e))
        return "\n".join(lines)

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def lines_now(self, *words):
        """Those that are there at this moment: for who looks again and again."""
        return [l for l in self.text().splitlines() if all(w in l for w in words)]

    def lines(self, *words):
        """What is there now; a line may be on its way through three processes, so no is said late.
        For one that must come, ask wait_line() or wait_more()."""
        end = time.monotonic() + 0.5
        while not (found := self.lines_now(*words)) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def wait_line(self, *words):
        return wait_for("a log line with %s" % (words,), lambda: self.lines_now(*words))[-1]

    def wait_more(self, before, *words):
        """A line beyond the first `before` ones that hold these words."""
        return wait_for("one more log line with %s" % (words,),
                        lambda: self.lines_now(*words)[before:])[-1]

    def children(self):
        """{tag: [pid, …]} of the processes below the monitor."""
        found = {}
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % pid) as f:
                    stat = f.read()
                exe = os.readlink("/proc/%s/exe" % pid)
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == self.p.pid and "/libexec/sshbridge/" in exe:
                found.setdefault(os.path.basename(exe), []).append(int(pid))
        return found

    def stop(self, sig=signal.SIGINT):
        if self.p.poll() is None:
            self.p.send_signal(sig)
            try:
                self.p.wait(20)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        self.notify.close()
        return self.p.returncode


class Lab:
    def __init__(self, **options):
        if os.environ.get("LAB_INSIDE") != "1":
            raise Fail("enter() comes first: a lab mounts over /etc, /run and /var/lib")
        self.dir = tempfile.mkdtemp(prefix="mtls-lab-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.procs = []
        self.bridges = []
        self.n = 0
        self.options = dict(workers=2, log="stderr", handshake=10, per_identity=64,
                            per_address=256)
        self.options.update(options)
        atexit.register(self.close)
        self._machine()

    def count(self):
        self.n += 1
        return self.n

    def bin(self, name):
        return os.path.join(BUILD, name)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o644):
        p = self.path(name)
        tmp = p + ".new"
        with open(tmp, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(tmp, mode)
        os.rename(tmp, p)
        return p

    # ---- the private machine

    def _machine(self):
        must(["ip", "link", "set", "lo", "up"])
        os.makedirs(self.path("etc"))
        os.makedirs(self.path("home"))
        users = [("alice", 2001), ("bob", 2002), ("mallory", 2003), ("ops", 2004)]
        with open("/etc/passwd") as f:
            passwd = f.read()
        with open("/etc/group") as f:
            group = f.read()
        ours = ["_sshbridge", "_sshbridge-ident", "_sshbridge-keys"] + [u for u, _ in users]
        keep = lambda text: "".join(l + "\n" for l in text.splitlines()
                                    if l.split(":")[0] not in ours)
        passwd, group = keep(passwd), keep(group)
        shadow = "root:*:19000:0:99999:7:::\n"
        for i, name in enumerate(ours[:3]):
            passwd += "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n" % (name, 950 + i, 950 + i)
            group += "%s:x:%d:\n" % (name, 950 + i)
        if "\nsshd:" not in passwd:
            passwd += "sshd:x:949:65534::/run/sshd:/usr/sbin/nologin\n"
        for name, uid in users:
            home = self.path("home", name)
            os.makedirs(home)
            os.chown(home, uid, uid)
            passwd += "%s:x:%d:%d::%s:/bin/sh\n" % (name, uid, uid, home)
            group += "%s:x:%d:\n" % (name, uid)
            shadow += "%s:*:19000:0:99999:7:::\n" % name
        for name, text, mode in (("passwd", passwd, 0o644), ("group", group, 0o644),
                                 ("shadow", shadow, 0o600)):
            self.write("etc/" + name, text, mode)
            must(["mount", "--bind", self.path("etc", name), "/etc/" + name])
        shutil.copytree("/etc/pam.d", self.path("pam.d"))
        with open(os.path.join(TOP, "packaging/pam.d/sshd")) as f:
            self.pam_sshd(f.read())
        must(["mount", "--bind", self.path("pam.d"), "/etc/pam.d"])
        must(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])
        os.makedirs("/run/sshd", 0o755)
        os.makedirs("/run/sshbridge", 0o755)
        # what the bridge keeps in /var/lib is its own and goes with the test
        os.makedirs("/run/lib")
        must(["mount", "--bind", "/var/lib", "/run/lib"])
        must(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib"])
        for name in os.listdir("/run/lib"):
            if name != "sshbridge":
                os.symlink("/run/lib/" + name, "/var/lib/" + name)
        # a file of hosts that knows this machine only
        self.write("etc/hosts", "127.0.0.1 localhost bastion.example\n::1 localhost bastion.example\n")
        must(["mount", "--bind", self.path("etc/hosts"), "/etc/hosts"])

    def pam_sshd(self, text):
        """The service file that we ship, with the module of this build."""
        module = os.environ.get("PAM_MODULE", self.bin("lib/security/pam_mtls.so"))
        text = re.sub(r"\bpam_mtls\.so\b", module, text)
        self.write("pam.d/sshd", text)

    # ---- certificates and keys

    def ca(self, *args, name="ca"):
        return must([self.bin("bin/mtls-ca"), "--dir", self.path(name), *args])

    def make_ca(self):
        self.ca("init", "--name", "Example CA")
        self.ca("export", "trust", "--out", self.path("client-ca.pem"))
        self.ca("export", "chain", "--out", self.path("intermediate.pem"))
        self.crl()
        self.ca("issue", "host", "bastion.example", "--dns", "localhost", "--ip", "127.0.0.1",
                "--ip", "::1", "--out", self.path("server"))

    def crl(self):
        self.ca("crl", "--out", self.path("crl.pem"))

    def issue(self, user, *args, out=None):
        out = out or user
        self.ca("issue", "user", user, "--email", user + "@corp.example", *args,
                "--out", self.path(out))
        return self.path(out)

    def ssh_key(self, name, kind="ed25519"):
        must(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", self.path("id_" + name)])
        with open(self.path("id_%s.pub" % name)) as f:
            return f.read()

    def authorize(self, account, *pubs):
        folder = self.path("home", account, ".ssh")
        st = os.stat(self.path("home", account))
        os.makedirs(folder, 0o700, exist_ok=True)
        self.write("home/%s/.ssh/authorized_keys" % account, "".join(pubs), 0o600)
        for p in (folder, folder + "/authorized_keys"):
            os.chown(p, st.st_uid, st.st_gid)

    def people(self):
        """The CA, host certificate, and alice, bob and mallory with certificate and SSH key."""
        self.make_ca()
        for u in ("alice", "bob", "mallory"):
            self.issue(u)
            self.authorize(u, self.ssh_key(u))
        self.authorize("ops", self.pub("alice"))
        self.map("email {user}@corp.example {user}\n")

    def pub(self, name):
        with open(self.path("id_%s.pub" % name)) as f:
            return f.read()

    def map(self, text):
        self.write("identity.map", text)

    # ---- servers

    def configure(self, text=None, **options):
        self.options.update(options)
        self.conf = self.write("sshbridge.conf", text or CONF.format(**self.options), 0o644)
        return self.conf

    def sshd(self, extra="", conf=None, penalties=False):
        must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
              self.path("ssh_host_ed25519_key")]) if not os.path.exists(
                  self.path("ssh_host_ed25519_key")) else None
        with open(self.path("ssh_host_ed25519_key.pub")) as f:
            key = " ".join(f.read().split()[:2])
        self.write("known_hosts", "* %s\n" % key)
        if not penalties and sshd_version() >= (9, 8):
            extra += "\nPerSourcePenalties no\n"   # tests abuse by design: they would be shut out
        instead = {line.split()[0] for line in extra.splitlines() if line.strip()}
        instead -= {"ListenAddress", "HostKey", "Port"}     # these add up
        text = "".join(line + "\n"                      # sshd takes the first of two
                       for line in (conf or SSHD_CONF).format(dir=self.dir).splitlines()
                       if (line.split() or [""])[0] not in instead)
        self.write("sshd_config", text + extra)
        self.sshd_log = self.path("sshd.log")
        with open(self.sshd_log, "ab") as f:
            p = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.path("sshd_config")],
                                 stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        self.procs.append(p)
        wait_for("sshd to listen", lambda: self.connects("127.0.0.1", SSHD_PORT))
        return p

    def connects(self, host, port):
        try:
            socket.create_connection((host, port), 2).close()
            return True
        except OSError:
            return False

    def bridge(self, log="bridge.log", wait=True, env=None, argv=()):
        b = Bridge(self, log, env=env, argv=argv)
        self.bridges.append(b)
        if wait:
            b.wait_ready()
        return b

    # ---- clients

    def connect_argv(self, cert="alice", host="localhost", port=BRIDGE_PORT, key=None):
        return [self.bin("bin/mtls-connect"), "--cert", self.path(cert + ".pem"),
                "--key", self.path((key or cert) + ".key"), "--ca", self.path("client-ca.pem"),
                "%s:%d" % (host, port)]

    def s_client_argv(self, cert="alice", extra=()):
        return ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" % BRIDGE_PORT,
                "-servername", "bastion.example", "-CAfile", self.path("client-ca.pem"),
                "-cert", self.path(cert + ".pem"), "-cert_chain", self.path("intermediate.pem"),
                "-key", self.path(cert + ".key"), *extra]

    def ssh_options(self, cert="alice", ssh_key="alice", proxy=None):
        proxy = proxy or shlex.join(self.connect_argv(cert))
        return ["-F", "/dev/null", "-o", "ProxyCommand=" + proxy, "-i", self.path("id_" + ssh_key),
                "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + self.path("known_hosts"),
                "-o", "GlobalKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=yes"]

    def ssh(self, account="alice", cert=None, ssh_key=None, command=("true",), proxy=None,
            extra=(), timeout=90, stdin=None):
        cert = cert or account
        argv = ["ssh", *self.ssh_options(cert, ssh_key or account, proxy), *extra,
                account + "@bastion.example", *command]
        return run(argv, stdin=stdin if stdin is not None else b"", timeout=timeout)

    def ssh_direct(self, account="alice", ssh_key=None, command=("true",), extra=()):
        """Straight to sshd, past the bridge."""
        argv = ["ssh", "-F", "/dev/null", "-p", str(SSHD_PORT), "-i",
                self.path("id_" + (ssh_key or account)), "-o", "IdentitiesOnly=yes",
                "-o", "UserKnownHostsFile=" + self.path("known_hosts"),
                "-o", "GlobalKnownHostsFile=/dev/null", "-o", "BatchMode=yes", *extra,
                account + "@127.0.0.1", *command]
        return run(argv, stdin=b"")

    @contextlib.contextmanager
    def background(self, argv, **kw):
        p = subprocess.Popen(argv, **kw)
        self.procs.append(p)
        try:
            yield p
        finally:
            if p.poll() is None:
                p.kill()
            p.wait()

    def _remove(self):
        """Delete the folder, and never anything of the machine's that is mounted below it."""
        def mounted():
            with open("/proc/self/mounts") as f:
                return [p for p in (l.split()[1] for l in f) if p.startswith(self.dir + "/")]
        for p in reversed(mounted()):
            subprocess.run(["umount", "-l", p], stderr=subprocess.DEVNULL)
        if mounted():
            print("# note: left %s: something is still mounted below it" % self.dir, flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def close(self):
        for b in self.bridges:
            with contextlib.suppress(Exception):
                b.stop()
        for p in self.procs:
            if p.poll() is None:
                with contextlib.suppress(OSError):
                    p.terminate()
                with contextlib.suppress(Exception):
                    p.wait(5)
            if p.poll() is None:
                p.kill()
        # drained instances and sessions that are nobody's child any more: only those of this lab
        for pid in os.listdir("/proc"):
            if pid.isdigit() and int(pid) != os.getpid():
                # (networks it may have several)
                with contextlib.suppress(OSError):
                    if os.readlink("/proc/%s/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt") \
                            and os.readlink("/proc/%s/ns/mnt" % pid) != os.readlink("/proc/1/ns/mnt"):
                        os.kill(int(pid), signal.SIGKILL)
        if os.environ.get("LAB_KEEP"):
            print("# note: kept " + self.dir, flush=True)
        else:
            self._remove()
        self.bridges, self.procs = [], []


class Tap:
    """Prints TAP; a test is a function with a sentence for a name."""

    def __init__(self):
        self.n = self.failed = 0
        self.on_fail = None

    def check(self, ok, name, detail=""):
        self.n += 1
        if not ok:
            self.failed += 1
        print("%s %d - %s" % ("ok" if ok else "not ok", self.n, name), flush=True)
        if not ok and detail:
            for line in str(detail).splitlines():
                print("#   " + line, flush=True)
        return ok

    def run(self, tests, *args):
        for t in tests:
            name = t.__name__.replace("_", " ")
            before = self.n
            try:
                r = t(self, *args)
                if r is not None or self.n == before:
                    self.check(r is not False, name)
            except Exception as e:      # noqa: a test that breaks is a test that failed
                import traceback
                self.check(False, name, "".join(traceback.format_exception(e))[-6000:])
                if self.on_fail:
                    for line in self.on_fail().splitlines()[-60:]:
                        print("#   | " + line)

    def skip(self, name, why):
        self.n += 1
        print("ok %d - %s # skip %s" % (self.n, name, why), flush=True)

    def end(self):
        print("1..%d" % self.n, flush=True)
        sys.exit(1 if self.failed else 0)

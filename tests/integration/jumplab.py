"""The lab as a jump host: a client on one side and targets on the other, each in a network of its own.

    client 10.78.0.2 ─── 10.78.0.1 bastion 10.77.0.1 ─── 10.77.0.2 db1, .3 db2, .4 web, fd77::2
The bastion (this program's own namespace, with the bridge) forwards no packet: what reaches a target
came through the bridge. The targets are one namespace with a real sshd and some small servers.
"""
import json
import os
import shlex
import subprocess
import time

import lab as L
import hostile as H
import sshraw as R

JUMP, PORT = "jump.example", L.BRIDGE_PORT
CLIENT, BASTION, TARGETS = "10.78.0.2", "10.78.0.1", ("10.77.0.2", "10.77.0.3", "10.77.0.4")
DB1, DB2, WEB = TARGETS
ECHO, DISCARD, STALL, CHARGEN, DEAF = 7, 9, 17, 19, 99
ALICE = "corp/email:alice@corp.example"

CONF = """\
listen "[::]:8443" {{}}
tls      {{ certificate = "server.pem"  key = "server.key" }}
trust "corp" {{ anchors = "client-ca.pem"  intermediates = "intermediate.pem"
               crl = {{"crl.pem"}}  revocation = "require" }}
identity-map = "identity.map"
locks = "locks"
workers = 1
log = "stderr"
{top}
target "jump" {{ mode = "jump"  names = {{"jump.example"}}  host-keys = {{"jump_host_ed25519_key"}}
                {keys}  {jump} }}
limits {{ handshake-timeout = 10  login-timeout = {login}  channels = {channels}
         per-identity = {per_identity}  per-address = {per_address} }}
"""
MAP = "email {user}@corp.example {user} to=*.prod.example:22,10.77.0.0/24:22\n"

HOSTS = """\
127.0.0.1 localhost
::1 localhost
10.78.0.1 jump.example bastion.example
10.77.0.2 db1.prod.example db1
10.77.0.3 db2.prod.example db2
10.77.0.4 web.test.example web
"""

# The targets' namespace beside sshd: echo, discard, one that never reads, chargen, and one that
# never accepts.
SERVERS = """
import select, socket, sys, threading
def echo(c):
    while d := c.recv(65536):
        c.sendall(d)
def discard(c):
    while c.recv(65536):
        pass
def stall(c):
    threading.Event().wait()
def chargen(c):
    d = bytes(range(256)) * 256
    while True:
        c.sendall(d)
def one(f, c):
    try:
        f(c)
    except OSError:
        pass
    c.close()
def serve(port, f):
    l = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
    while True:
        c, _ = l.accept()
        threading.Thread(target=one, args=(f, c), daemon=True).start()
deaf = socket.create_server(("10.77.0.2", 99), backlog=0)
full = [socket.socket() for _ in range(4)]      # its queue is full: a SYN gets no answer
for s in full:
    s.setblocking(False)
    s.connect_ex(("10.77.0.2", 99))
for port, f in ((7, echo), (9, discard), (17, stall), (19, chargen)):
    threading.Thread(target=serve, args=(port, f), daemon=True).start()
threading.Event().wait()
"""

TARGET_SSHD = """\
Port 22
ListenAddress 0.0.0.0
ListenAddress ::
HostKey {dir}/target_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
PidFile {dir}/target.pid
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv none
LogLevel VERBOSE
MaxStartups 1000
MaxSessions 100
Subsystem sftp internal-sftp
"""

SSH_CONFIG = """\
Host jump.example
  ProxyCommand {connect}
Host *
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {dir}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode {batch}
  ConnectTimeout 60
"""


LISTED = 'authorized-keys = "authorized_keys.d/%u"'


def inside(name):
    return ["nsenter", "--net=/run/netns/" + name, "--"]


class JumpLab(L.Lab):
    """`keys`, `jump` and `top` are options of the target, and more of the configuration."""

    def __init__(self, **options):
        o = dict(jump="", top="", keys=LISTED, login=30, channels=256)
        o.update(options)
        super().__init__(**o)
        self._networks()
        os.makedirs(self.path("authorized_keys.d"))

    def _networks(self):
        # bind mounts of single files are written in place
        with open("/etc/hosts", "w") as f:
            f.write(HOSTS)
        ip = lambda *a, ns=(): L.must([*ns, "ip", *a])
        for name, net, there in (("client", "10.78.0", (2,)), ("targets", "10.77.0", (2, 3, 4))):
            ns = inside(name)
            ip("netns", "add", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "up0", "netns", name)
            ip("addr", "add", net + ".1/24", "dev", name)
            ip("link", "set", name, "up")
            for n in there:
                ip("addr", "add", "%s.%d/24" % (net, n), "dev", "up0", ns=ns)
            ip("link", "set", "lo", "up", ns=ns)
            ip("link", "set", "up0", "up", ns=ns)
            # even with a route to everything, a client gets no further than the bastion
            ip("route", "add", "default", "via", net + ".1", ns=ns)
        for a, ns in (("fd77::1/64", ()), ("fd77::2/64", inside("targets"))):
            ip("-6", "addr", "add", a, "dev", "up0" if ns else "targets", "nodad", ns=ns)

    # ---- keys, certificates, configuration

    def people(self, users=("alice", "bob", "mallory")):
        self.make_ca()
        self.ca("issue", "host", "bastion.example", "--dns", "localhost", "--dns", JUMP, "--ip",
                "127.0.0.1", "--ip", "::1", "--out", self.path("server"))
        for name in ("jump_host", "target_host"):
            L.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
                    self.path(name + "_ed25519_key")])
        for u in users:
            self.issue(u)
            self.authorize(u, self.ssh_key(u))
            self.listed(u, self.pub(u))
        self.map(MAP)
        one = lambda name: " ".join(open(self.path(name + "_host_ed25519_key.pub")).read().split()[:2])
        self.write("known_hosts", "%s %s\n*.prod.example,web.test.example,10.77.* %s\n" %
                   (JUMP, one("jump"), one("target")))

    def listed(self, account, *lines):
        """The account's file of authorized_keys.d; without lines there is none."""
        p = "authorized_keys.d/" + account
        if lines:
            self.write(p, "".join(l if l.endswith("\n") else l + "\n" for l in lines))
        elif os.path.exists(self.path(p)):
            os.unlink(self.path(p))

    def configure(self, text=None, **options):
        self.options.update(options)
        return super().configure(text or CONF.format(**self.options))

    def reload(self, force=False):
        L.must([self.bin("bin/sshbridgectl"), "reload", *(["--force"] if force else [])])

    def ctl(self, *args):
        return L.run([self.bin("bin/sshbridgectl"), *args])

    # ---- the targets

    def target(self):
        """sshd and the small servers behind the bridge."""
        self.write("target_sshd", TARGET_SSHD.format(dir=self.dir) +
                   ("PerSourcePenalties no\n" if L.sshd_version() >= (9, 8) else ""))
        self.target_log = self.path("target.log")
        with open(self.target_log, "ab") as f:
            self.procs.append(subprocess.Popen(
                inside("targets") + ["/usr/sbin/sshd", "-D", "-e", "-f", self.path("target_sshd")],
                stdin=subprocess.DEVNULL, stdout=f, stderr=f))
            self.procs.append(subprocess.Popen(
                inside("targets") + ["/usr/bin/python3", "-c", SERVERS], stdin=subprocess.DEVNULL,
                stdout=f, stderr=f))
        for port in (22, ECHO, DISCARD, STALL, CHARGEN):
            L.wait_for("port %d of the targets" % port, lambda: self.connects(DB1, port))

    def dials(self):
        """How often the targets' sshd was connected to."""
        with open(self.target_log) as f:
            return f.read().count("Connection from ")

    # ---- clients, all of them in the client's network

    def connect_argv(self, cert="alice", host=JUMP, port=PORT, key=None):
        return super().connect_argv(cert, host, port, key)

    def config(self, user="alice", cert=None, ssh_key=None, proxy=None, batch=True, more=""):
        """An ssh_config as the README has it; `more` comes first. Returns its path."""
        name = "ssh_config.%d" % self.count()
        return self.write(name, more + SSH_CONFIG.format(
            connect=proxy or shlex.join(self.connect_argv(cert or user)), user=user,
            key=self.path("id_" + (ssh_key or user)), dir=self.dir,
            batch="yes" if batch else "no"), 0o600)

    def here(self, argv, stdin=b"", timeout=90, env=None):
        return L.run(inside("client") + list(argv), stdin=stdin, timeout=timeout, env=env)

    def ssh_j(self, user="alice", host="db1.prod.example", command=("id", "-un"), extra=(), stdin=b"",
              env=None, **kw):
        """ssh -J jump.example HOST COMMAND."""
        return self.here(["ssh", "-F", self.config(user, **kw), "-J", JUMP, *extra, host, *command],
                         stdin=stdin, env=env)

    def ssh_jump(self, user="alice", command=(), extra=(), stdin=b"", env=None, **kw):
        """ssh to the jump host itself."""
        return self.here(["ssh", "-F", self.config(user, **kw), *extra, JUMP, *command], stdin=stdin,
                         env=env)

    def raw(self, cert="alice", timeout=60, **kw):
        """An SSH connection of ours through TLS, see sshraw; not logged in yet."""
        s = H.tls(self, cert, sni=JUMP)
        s.settimeout(timeout)
        return R.Ssh(s, **kw)

    def key(self, name="alice"):
        return R.Key(self.path("id_" + name))

    def login(self, user="alice", cert=None, ssh_key=None, **kw):
        """Logged in with certificate and key."""
        return self.raw(cert or user, **kw).login(user, self.key(ssh_key or user))


class Shell:
    """A command on a target through the jump, which stays: `cat` gives back each line."""

    def __init__(self, lab, user="alice", host="db1.prod.example", cert=None, config=None, extra=()):
        self.lab = lab
        self.err = open(lab.path("shell.%d.err" % lab.count()), "w+")
        self.p = subprocess.Popen(
            inside("client") + ["ssh", "-F", config or lab.config(user, cert=cert), "-J", JUMP, *extra,
                                host, "cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err)
        lab.procs.append(self.p)
        if not self.lives():
            raise L.Fail("no session: " + self.said())

    def lives(self):
        try:
            self.p.stdin.write(b"there?\n")
            self.p.stdin.flush()
            return self.p.stdout.readline() == b"there?\n"
        except OSError:
            return False

    def said(self):
        """What ssh (both of them) wrote to the terminal."""
        self.err.flush()
        with open(self.err.name) as f:
            return f.read()

    def wait_end(self):
        L.wait_for("the end of the session", lambda: self.p.poll() is not None, 60)
        return self.said()

    def leave(self):
        if self.p.poll() is None:
            self.p.stdin.close()
            self.p.wait(60)


def fingerprint(lab, name):
    return L.must(["ssh-keygen", "-lf", lab.path("id_%s.pub" % name)]).out.split()[1]


def listed(lab):
    r = lab.ctl("list", "--json")
    if r.code != 0:
        raise L.Fail(str(r))
    return json.loads(r.out)


def steady(b):
    """The processes that outlive a connection."""
    return {k: sorted(v) for k, v in b.children().items() if k not in ("jump", "pam")}


def busy(b):
    """The jump processes that hold a connection to a target."""
    inodes = set()
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name) as f:
            inodes |= {w[9] for w in (l.split() for l in f) if ":" in w[0] and
                       w[2].split(":")[0].endswith("004D0A")}      # 10.77.0.0/24
    found = set()
    for p in b.children().get("jump", []):
        try:
            links = [os.readlink("/proc/%d/fd/%s" % (p, fd)) for fd in os.listdir("/proc/%d/fd" % p)]
        except OSError:
            continue
        if any(l[8:-1] in inodes for l in links if l.startswith("socket:")):
            found.add(p)
    return found


def jumps_cpu(b):
    """CPU time of the jump processes so far, in ticks; one that ended while we looked counts 0."""
    total = 0
    for p in b.children().get("jump", []):
        try:
            total += H.cpu_ticks(p)
        except OSError:
            pass
    return total


def jumps_pss(b):
    """PSS in kB of the largest jump process."""
    most = 0
    for p in b.children().get("jump", []):
        try:
            most = max(most, H.pss_kb(p))
        except (OSError, IndexError):
            pass
    return most


def limit(pid, what, value):
    """prlimit(1) of a process, as its own user: root in a container may not. Only the soft limit."""
    with open("/proc/%d/status" % pid) as f:
        uid = int([l for l in f if l.startswith("Uid:")][0].split()[1])
    return L.run(["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups", "--", "prlimit", "--pid", str(pid),
                  "--%s=%s:" % (what, value)])


def idle(b):
    """Wait until no jump process spends CPU time: nothing spins."""
    def still():
        before = jumps_cpu(b)
        time.sleep(0.5)
        return abs(jumps_cpu(b) - before) <= 5
    L.wait_for("the jump processes to be idle", lambda: still() and still(), 60)


def start(**options):
    """A lab with people, targets and the bridge in service."""
    lab = JumpLab(**options)
    lab.people()
    lab.configure()
    lab.target()
    return lab, lab.bridge()


def tap(lab, b):
    t = L.Tap()
    t.on_fail = lambda: b.text() + "---- the targets' sshd\n" + open(lab.target_log).read()
    return t


def stream(argv, **kw):
    """A process that stays, in the client's network."""
    return subprocess.Popen(inside("client") + list(argv), **kw)

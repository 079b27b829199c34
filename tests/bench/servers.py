"""The servers that are measured: ours, and the peers that this machine has.

All get the same certificates and CRLs, stand before the same target and the same sshd, have one
thread that carries bytes and are pinned to one core.
"""
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/integration"))
import lab as L                                                     # noqa: E402

TARGET_PORT = 2200
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

# Packaged defaults but for what is named; no-tls-tickets and ssl_session_tickets as far as each
# knows them: the fewer tickets, the cheaper its handshake.
HAPROXY = """\
global
    nbthread 1
    maxconn 8000
    tune.ssl.cachesize 0
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen target
    bind 127.0.0.1:{port} ssl crt {dir}/server-all.pem ca-file {dir}/both-cas.pem \
crl-file {dir}/crl.pem verify required
    server s 127.0.0.1:{target}
listen sshd
    bind 127.0.0.1:{ssh_port} ssl crt {dir}/server-all.pem ca-file {dir}/both-cas.pem \
crl-file {dir}/crl.pem verify required
    server s 127.0.0.1:22
"""

NGINX = """\
load_module {module};
worker_processes 1;
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{ worker_connections 8000; }}
stream {{
    ssl_certificate {dir}/server.pem;
    ssl_certificate_key {dir}/server.key;
    ssl_client_certificate {dir}/both-cas.pem;
    ssl_crl {dir}/crl.pem;
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    ssl_session_cache off;
    proxy_timeout 1h;
    server {{ listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{target}; }}
    server {{ listen 127.0.0.1:{ssh_port} ssl; proxy_pass 127.0.0.1:22; }}
}}
"""


def cores():
    """(for the server, for the load)"""
    c = sorted(os.sched_getaffinity(0))
    return c[0], c[-1]


@contextlib.contextmanager
def pinned(core):
    """What starts in here is born on that core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_of(pid):
    """Seconds of CPU that a process has had, all its threads."""
    ns = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
            ns += int(f.read().split()[0])
    return ns / 1e9


def pss_of(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return int([line for line in f if line.startswith("Pss:")][0].split()[1]) * 1024


class Server:
    """One that is measured: `port` leads to the target, `sni` is what a client asks for."""
    name = None
    sni = "target.example"

    def cpu(self):
        return sum(cpu_of(p) for p in self.pids())

    def pss(self):
        return sum(pss_of(p) for p in self.pids())


class Bridge(Server):
    """All processes of the bridge count, the log's and the monitor's too."""
    name = "bridge"
    port = L.BRIDGE_PORT

    def __init__(self, lab):
        self.lab = lab
        lab.configure(L.CONF.format(**lab.options) + 'target "target" { address = "127.0.0.1:%d"  '
                      'names = {"target.example"} }\n' % TARGET_PORT)
        with pinned(cores()[0]):
            self.bridge = lab.bridge()
        self.kids = self.bridge.children()

    def pids(self):
        return [self.bridge.p.pid] + [p for pids in self.kids.values() for p in pids]

    def gate_cpu(self):
        return sum(cpu_of(p) for p in self.kids["gate"])

    def version(self):
        with open(os.path.join(TOP, "Makefile")) as f:
            v = [line.split()[-1] for line in f if line.startswith("VERSION")][0]
        return "bridge %s" % v

    def ssh(self):
        """(destination, options): alice by certificate and key, through our own client."""
        return "alice@bastion.example", self.lab.ssh_options("alice")


class Peer(Server):
    def __init__(self, lab, argv, conf, port):
        self.lab, self.port, self.ssh_port = lab, port, port + 1
        self.conf = lab.write(self.name + ".conf", conf.format(
            dir=lab.dir, port=port, ssh_port=port + 1, target=TARGET_PORT, module=NGINX_MODULE))
        with open(lab.path(self.name + ".out"), "wb") as out, pinned(cores()[0]):
            self.p = subprocess.Popen([*argv, self.conf], stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=out)
        lab.procs.append(self.p)
        L.wait_for(self.name + " to listen", self.listens)

    def listens(self):
        if self.p.poll() is not None:
            with open(self.lab.path(self.name + ".out"), errors="replace") as f:
                raise L.Fail("%s ended with %d: %s" % (self.name, self.p.returncode, f.read()))
        try:
            socket.create_connection(("127.0.0.1", self.port), 2).close()
            return True
        except OSError:
            return False

    def pids(self):
        return [self.p.pid]

    def ssh(self):
        """ops, an account that needs no bridge: the peers cannot tell sshd who came."""
        proxy = ["openssl", "s_client", "-quiet", "-verify_return_error", "-connect",
                 "127.0.0.1:%d" % self.ssh_port, "-servername", "bastion.example",
                 "-CAfile", self.lab.path("client-ca.pem"), "-cert", self.lab.path("alice.pem"),
                 "-cert_chain", self.lab.path("intermediate.pem"),
                 "-key", self.lab.path("alice.key")]
        return "ops@bastion.example", self.lab.ssh_options("alice", proxy=shlex.join(proxy))


class Haproxy(Peer):
    name = "haproxy"

    def __init__(self, lab):
        super().__init__(lab, ["haproxy", "-db", "-f"], HAPROXY, 9000)

    @staticmethod
    def missing():
        return None if shutil.which("haproxy") else "haproxy is not installed"

    def version(self):
        return "haproxy " + L.run(["haproxy", "-v"]).out.split()[2]


class Nginx(Peer):
    name = "nginx"

    def __init__(self, lab):
        super().__init__(lab, ["nginx", "-c"], NGINX, 9010)

    @staticmethod
    def missing():
        if not shutil.which("nginx"):
            return "nginx is not installed"
        return None if os.path.exists(NGINX_MODULE) else "nginx has no stream module"

    def version(self):
        return L.run(["nginx", "-v"]).err.split()[-1].replace("/", " ")


class Direct:
    """No server between: the target in plain TCP, sshd for the account that needs no bridge."""
    name = "direct"
    port = TARGET_PORT
    sni = "-"

    def __init__(self, lab):
        self.lab = lab

    def ssh(self):
        options = self.lab.ssh_options("alice", proxy="none")
        return "ops@127.0.0.1", [*options, "-p", str(L.SSHD_PORT)]


def start(lab, say):
    """Ours first, then the peers that are there; what is not there is said."""
    found = [Bridge(lab)]
    for kind in (Haproxy, Nginx):
        why = kind.missing()
        if why:
            say("%s is left out: %s" % (kind.name, why))
            continue
        try:
            found.append(kind(lab))
        except L.Fail as e:
            say("%s is left out: %s" % (kind.name, e))
    return found

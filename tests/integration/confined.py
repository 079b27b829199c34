"""What every process of the bridge but its monitor and pam is held to while it runs as root."""
import os

import lab as L

ENVIRON = {"jump": b"GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=0x10000000\0"}


def status(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)


def uids(pid):
    return {int(x) for x in status(pid)["Uid"].split()}


def check(t, name, pid):
    L.wait_for("%s to be in its sandbox" % name, lambda: status(pid)["Seccomp"] == "2")
    s = status(pid)
    t.check(0 not in uids(pid) and len(uids(pid)) == 1, "%s is not root" % name, s["Uid"])
    t.check(s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", "%s: NoNewPrivs 1, Seccomp 2" % name, s)
    t.check(int(s["CapEff"], 16) == 0 and int(s["CapPrm"], 16) == 0, "%s has no capability" % name)
    t.check(s["Groups"].strip() == "", "%s has no supplementary group" % name, s["Groups"])
    with open("/proc/%d/environ" % pid, "rb") as f:
        environ = f.read()
    t.check(environ == ENVIRON.get(name, b""), "%s has no environment but ours" % name, environ)
    root = os.readlink("/proc/%d/root" % pid)
    if name == "resolve":
        t.check(root == "/", "resolve sees /etc, which getaddrinfo() needs")
    else:
        t.check(root.endswith("/libexec/sshbridge/empty") and
                os.listdir("/proc/%d/root/" % pid) == [], "%s has an empty root" % name, root)

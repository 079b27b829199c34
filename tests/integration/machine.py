"""More of the lab's private machine: accounts, groups, addresses, a log socket, documents.

/etc/passwd and its like are bind mounts of single files there, so they are written in place.
"""
import os
import re
import socket
import stat
import threading

import lab as L


def append(path, line):
    with open(path, "a") as f:
        f.write(line + "\n")


def add_user(lab, name, uid, shell="/bin/sh"):
    home = lab.path("home", name)
    os.makedirs(home)
    os.chown(home, uid, uid)
    append("/etc/passwd", "%s:x:%d:%d::%s:%s" % (name, uid, uid, home, shell))
    append("/etc/group", "%s:x:%d:" % (name, uid))
    append("/etc/shadow", "%s:*:19000:0:99999:7:::" % name)


def add_group(name, gid, *members):
    append("/etc/group", "%s:x:%d:%s" % (name, gid, ",".join(members)))


def expire(name, expired=True):
    """As chage -E 1970-01-02 NAME does, or -E -1."""
    with open("/etc/shadow") as f:
        rows = [l.split(":") for l in f.read().splitlines()]
    for r in rows:
        if r[0] == name:
            r[7] = "1" if expired else ""
    with open("/etc/shadow", "w") as f:
        f.write("".join(":".join(r) + "\n" for r in rows))


def add_addresses(*addresses):
    for a in addresses:
        L.must(["ip", "addr", "add", a + "/32", "dev", "lo"])


class Syslog:
    """A /dev of our own with a log socket in it; what comes is kept."""

    NODES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
             ("tty", 5, 0))

    def __init__(self):
        L.must(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev"])
        for name, major, minor in self.NODES:
            os.mknod("/dev/" + name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
            os.chmod("/dev/" + name, 0o666)
        os.symlink("/proc/self/fd", "/dev/fd")
        self.text = ""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            self.text += self.sock.recv(65536).decode("utf-8", "replace") + "\n"

    def wait_line(self, *words):
        return L.wait_for("a syslog line with %s" % (words,), lambda: [
            l for l in self.text.splitlines() if all(w in l for w in words)])[-1]


def blocks(document, heading=None):
    """The code blocks of one section of a document of this tree, or of all of it."""
    with open(os.path.join(L.TOP, document)) as f:
        text = f.read()
    if heading is not None:
        part = re.split(r"(?m)^## ", text)
        text = [p for p in part if p.splitlines()[0] == heading][0]
    return re.findall(r"(?ms)^```\n(.*?)^```$", text)

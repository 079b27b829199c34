"""A name server in the lab: what each name leads to may change from one question to the next."""
import socket
import struct
import threading

import lab as L


class Dns:
    """names: {"db1.prod.example": addresses or a function that gives them}. None: no answer at all."""

    def __init__(self, lab, address="127.0.0.53"):
        self.names, self.asked = {}, []
        path = lab.write("etc/resolv.conf", "nameserver %s\n" % address)
        L.must(["mount", "--bind", path, "/etc/resolv.conf"])
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            q, peer = self.s.recvfrom(512)
            a = self.answer(q)
            if a is not None:
                self.s.sendto(a, peer)

    def answer(self, q):
        labels, at = [], 12
        while q[at]:
            labels.append(q[at + 1:at + 1 + q[at]].decode("latin-1"))
            at += 1 + q[at]
        kind, = struct.unpack(">H", q[at + 1:at + 3])
        name = ".".join(labels).lower()
        want = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        self.asked.append((name, kind))
        found = self.names.get(name, [])
        if callable(found):
            found = found(kind)
        if found is None:
            return None
        rows = [socket.inet_pton(want, a) for a in found if (":" in a) == (want == socket.AF_INET6)] \
            if want else []
        head = q[:2] + struct.pack(">HHHHH", 0x8180 | (0 if name in self.names else 3), 1, len(rows), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(r)) + r for r in rows)
        return head + q[12:at + 5] + body

    def count(self, name, kind=1):
        return self.asked.count((name, kind))

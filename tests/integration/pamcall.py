"""Play an sshd as whoever runs this: accept one connection, ask PAM about it, print what it said.

    pamcall.py PORT CONFDIR ACCOUNT MODE

MODE pam: account and open_session of service "sshd" in CONFDIR, by the real libpam.
MODE who: WHO straight to the socket whose path CONFDIR is, without the module's own checks.
Prints one line of JSON.
"""
import array
import ctypes
import json
import pwd
import socket
import struct
import sys

CONV = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
                        ctypes.c_void_p)
PAM_CONV_ERR, PAM_RHOST = 19, 4


class Conv(ctypes.Structure):
    _fields_ = [("conv", CONV), ("data", ctypes.c_void_p)]


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


def by_pam(c, confdir, account):
    pam = ctypes.CDLL("libpam.so.0")
    pam.pam_getenv.restype = ctypes.c_char_p
    pam.pam_start_confdir.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p,
                                      ctypes.c_char_p, ctypes.c_void_p]
    said = []
    libc = ctypes.CDLL(None)
    libc.calloc.restype = ctypes.c_void_p

    def talk(n, messages, responses, data):
        for i in range(n):
            m = ctypes.cast(messages, ctypes.POINTER(ctypes.POINTER(Message)))[i]
            said.append(m.contents.text.decode())
        ctypes.cast(responses, ctypes.POINTER(ctypes.c_void_p))[0] = libc.calloc(n, 16)
        return 0

    handle = ctypes.c_void_p()
    conv = Conv(CONV(talk), None)
    r = pam.pam_start_confdir(b"sshd", account.encode(), ctypes.byref(conv), confdir.encode(),
                              ctypes.byref(handle))
    if r != 0:
        return {"start": r}
    (host, port), (mine, local) = c.getpeername()[:2], c.getsockname()[:2]
    pam.pam_putenv(handle, ("SSH_CONNECTION=%s %d %s %d" % (host, port, mine, local)).encode())
    got = {"account": pam.pam_acct_mgmt(handle, 0), "session": pam.pam_open_session(handle, 0),
           "identity": (pam.pam_getenv(handle, b"MTLS_IDENTITY") or b"").decode(), "said": said}
    pam.pam_end(handle, 0)
    return got


def string(text):
    b = text.encode()
    return b"b" + struct.pack(">I", len(b)) + b


def by_who(c, path, account):
    """docs/PROTOCOL.md, WHO: hook 2, service, account, its uid, no auth info, no bind=session."""
    u32 = lambda v: b"w" + struct.pack(">I", v)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    try:
        s.connect(path)
        s.sendmsg([struct.pack(">HHQ", 30, 1, 0) + u32(2) + string("sshd") + string(account)
                   + u32(1) + u32(pwd.getpwnam(account).pw_uid) + string("") + u32(0)],
                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
        answer = s.recv(65536)
    except OSError as e:
        return {"error": e.strerror}
    return {"type": struct.unpack(">H", answer[:2])[0] if answer else 0}


def main():
    port, where, account, mode = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", int(port)))
    print("listening", flush=True)
    c, _ = listener.accept()
    listener.close()
    print(json.dumps((by_pam if mode == "pam" else by_who)(c, where, account)), flush=True)
    # whoever waits for an sshd's greeting has it now
    c.sendall(b"SSH-2.0-none\r\n")
    c.close()


main()

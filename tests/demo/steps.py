"""What the demos share: steps that show a command, what came back, and the bridge's own line about it."""
import os
import shlex
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/integration"))
import lab as L                                                     # noqa: E402


def enter():
    if os.geteuid() != 0:
        print("the demo makes namespaces and starts an sshd: run 'sudo make demo'", file=sys.stderr)
        sys.exit(1)
    L.enter()


class Demo:
    def __init__(self, lab, bridge):
        self.lab, self.bridge = lab, bridge
        self.good = self.n = 0
        self.shown = 0

    def short(self, argv):
        """The command as a person would type it: paths inside the demo's folder made short."""
        text = shlex.join(argv)
        for a, b in ((self.lab.dir, "$DEMO"), (L.BUILD, "build"), (TOP + "/", "")):
            text = text.replace(a, b)
        noise = ["-F /dev/null ", "-o IdentitiesOnly=yes ", "-o UserKnownHostsFile=$DEMO/known_hosts ",
                 "-o GlobalKnownHostsFile=/dev/null ", "-o BatchMode=yes ",
                 "-o StrictHostKeyChecking=yes "]
        for w in noise:
            text = text.replace(w, "")
        return text

    def step(self, title, r, ok, *log_words):
        self.n += 1
        print("\n%d. %s" % (self.n, title))
        print("   $ " + self.short(r.argv))
        said = (r.out + r.err).strip().splitlines()
        for line in said[:6]:
            print("   " + line.replace(self.lab.dir, "$DEMO"))
        print("   (exit status %d)" % r.code)
        line = ""
        if log_words:
            try:
                line = self.bridge.wait_line(*log_words)
            except L.Fail:
                ok = False
                line = "NO LOG LINE with " + " ".join(log_words)
            print("   log: " + line)
        self.good += bool(ok)
        print("   " + ("as expected" if ok else "NOT AS EXPECTED"), flush=True)

    def end(self):
        self.bridge.stop()
        print("\ndemo: %d of %d as expected" % (self.good, self.n))
        sys.exit(0 if self.good == self.n else 1)

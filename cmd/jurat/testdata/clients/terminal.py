# Runs a client in a terminal of its own: keys come from standard input, a line for each pause; \t and \n are written out.
import os, pty, select, sys, time

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])


def show(quiet):
    """Copies what the client prints until it is quiet for so many seconds, or ends."""
    while select.select([terminal], [], [], quiet)[0]:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:
            data = b""
        if not data:
            return
        sys.stdout.buffer.write(data)


show(1.5)
for keys in sys.stdin:
    os.write(terminal, keys.rstrip("\n").encode().decode("unicode_escape").encode())
    show(0.4)
sys.stdout.flush()
os.waitpid(child, 0)

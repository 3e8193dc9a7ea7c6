# Starts a program as systemd does with OpenFile=SOCKET:notify: notify-handover.py SOCKET PROGRAM...
import os, socket, sys

connected = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
connected.connect(sys.argv[1])
if connected.fileno() != 3:
    os.dup2(connected.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="notify")
os.execvp(sys.argv[2], sys.argv[2:])

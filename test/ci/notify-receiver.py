# Receives what a service manager would: notify-receiver.py SOCKET. One JSON line per message, with the process that sent it.
# Node.js has no Unix datagram sockets.
import array, json, os, socket, struct, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind(sys.argv[1])
print(json.dumps({"ready": True}), flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(4096, 4096)
    sender = None
    for level, kind, content in ancillary:
        if kind == socket.SCM_CREDENTIALS:
            sender = struct.unpack("3i", content[:12])[0]
        elif kind == socket.SCM_RIGHTS:
            # systemd-notify waits until what it sends along is closed.
            descriptors = array.array("i")
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
            for descriptor in descriptors:
                os.close(descriptor)
    if not data.startswith(b"BARRIER=1"):
        print(json.dumps({"pid": sender, "lines": data.decode().splitlines()}), flush=True)

"""A proxy before a server of this machine that does to connections what networks do to them.

    fault_proxy.py PORT FAULTS

PORT is that of the server. FAULTS is a file with one line, which is read anew for each connection:

    none      everything goes through
    cut N     the connection ends after N bytes of answers
    flip N    the byte at N of the answers is another one
    silent    nothing comes back
    seed S    one connection in three is cut, delayed for a while, or has a byte flipped, as chance has it

What chance did to a connection is a line of FAULTS.log: the seed and the fault. It writes the port that it listens on, and ends when
its standard output is closed, or with TERM.
"""
import random
import socket
import sys
import threading
import time

server, faults = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
chances = {}


def fault():
    words = open(faults).read().split() or ["none"]
    if words[0] != "seed":
        return words
    chance = chances.setdefault(words[1], random.Random(int(words[1])))
    if chance.random() < 0.67:
        return ["none"]
    drawn = [chance.choice(["cut", "flip", "delay"]), str(chance.randrange(1, 3_000_000))]
    with open(faults + ".log", "a") as log:
        log.write(f"{' '.join(words)}: {' '.join(drawn)}\n")
    return drawn


def forward(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def answer(source, target, kind, number):
    position = 0
    try:
        if kind == "delay":
            time.sleep(number / 6_000_000)
        while data := source.recv(1 << 16):
            if kind == "silent":
                continue
            if kind == "flip" and position <= number < position + len(data):
                data = bytearray(data)
                data[number - position] ^= 0x20
            if kind == "cut" and position + len(data) >= number:
                target.sendall(data[: max(0, number - position)])
                break
            target.sendall(data)
            position += len(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    words = fault()
    try:
        upstream = socket.create_connection(("127.0.0.1", server))
    except OSError:
        client.close()
        return
    number = int(words[1]) if len(words) > 1 else 0
    threads = [
        threading.Thread(target=forward, args=(client, upstream), daemon=True),
        threading.Thread(target=answer, args=(upstream, client, words[0], number), daemon=True),
    ]
    for thread in threads:
        thread.start()
    threads[1].join()
    client.close()
    upstream.close()


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()

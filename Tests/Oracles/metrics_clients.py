"""Talks to `tantra metrics --listen` as good and as hostile clients do.

    metrics_clients.py PORT PID

Fails at the first answer that is not as RFC 9110 and 9112 say, or that hurts others. Prints what was tried.
"""
import os, socket, sys, time

port, pid = map(int, sys.argv[1:])


def connect():
    client = socket.create_connection(("127.0.0.1", port), timeout=15)
    return client


def receive(client):
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    status = int(lines[0].split()[1]) if data else None
    return status, fields, body


def ask(request, finish=False):
    with connect() as client:
        client.sendall(request)
        if finish:
            client.shutdown(socket.SHUT_WR)
        return receive(client)


def get(target, method="GET", version="HTTP/1.1", host="Host: x\r\n"):
    return ask(f"{method} {target} {version}\r\n{host}\r\n".encode())


# What a scraper does, in all the ways in which it may be written.
status, fields, body = get("/metrics")
assert status == 200 and b"\ntantra_up 1\n" in body, (status, body)
assert fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8", fields
assert int(fields["content-length"]) == len(body) and fields["connection"] == "close" and "gmt" in fields["date"]
for target in ["/metrics?name[]=x", "http://example.org/metrics", "HTTP://x/metrics?y"]:
    assert get(target)[0] == 200, target
assert get("/metrics", version="HTTP/1.0", host="")[0] == 200
assert ask(b"\r\nGET /metrics HTTP/1.1\nhOST:x\n\n")[0] == 200
assert ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200
assert ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", finish=True)[0] == 200
with connect() as client:
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        client.sendall(bytes([byte]))
    assert receive(client)[0::2] == (200, b"ok\n")

# HEAD is GET without a body; the time to answer differs by digits.
status, fields, body = get("/healthz", method="HEAD")
assert (status, fields["content-length"], body) == (200, "3", b""), (status, fields, body)
status, fields, body = get("/metrics", method="HEAD")
assert status == 200 and int(fields["content-length"]) > 100 and body == b""
assert get("/nothing", method="HEAD")[0::2] == (404, b"")

# What there is not, and what is no HTTP.
for target in ["/nothing", "/metrics/", "/../etc/passwd", "/%6detrics"]:
    assert get(target)[0] == 404, target
for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"]:
    status, fields, _ = get("/metrics", method=method)
    assert status == 405 and fields["allow"] == "get, head", (method, status)
assert get("*", method="OPTIONS")[0] == 404
for request in [
    b"\r\n\r\n", b"hello\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\x00\r\n\r\n", b"GET /metrics HTTP/1.1\r\n: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", bytes(range(256)) + b"\r\n\r\n",
]:
    assert ask(request)[0] == 400, request
for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/9"]:
    assert get("/metrics", version=version)[0] == 505, version
assert ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"b" * 9000)[0] == 431
assert ask(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 431
assert ask(b"A" * 100000)[0] == 431

# A body that nobody asked for does not take the answer from who sends it.
status, _, _ = ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200000)
assert status == 405, status

# Clients that leave at once, that say nothing, and that never end.
for _ in range(200):
    connect().close()
for _ in range(50):
    with connect() as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
silent = [connect() for _ in range(200)]
start = time.monotonic()
assert get("/metrics")[0] == 200
assert time.monotonic() - start < 3, "two hundred silent clients held others up"
assert len(os.listdir(f"/proc/{pid}/fd")) < 100
slow = connect()
start = time.monotonic()
status = None
for byte in b"GET /metrics HTTP/1.1\r\nHost: " + b"x" * 1000:
    try:
        slow.sendall(bytes([byte]))
    except OSError:
        break
    slow.settimeout(0.1)
    try:
        answer = slow.recv(64)
        status = int(answer.split()[1])
        break
    except TimeoutError:
        pass
assert status == 408 and 4 < time.monotonic() - start < 8, (status, time.monotonic() - start)
for client in silent:
    client.settimeout(8)
    assert client.recv(1) == b"", "a silent client was answered"
    client.close()
slow.close()

# One that asks and does not read.
lazy = connect()
lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
lazy.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
deadline = time.monotonic() + 10
while len(os.listdir(f"/proc/{pid}/fd")) > 12 and time.monotonic() < deadline:
    time.sleep(0.1)
left = os.listdir(f"/proc/{pid}/fd")
assert len(left) <= 12, f"connections are left open: {len(left)}"
lazy.close()
assert get("/healthz")[0] == 200
print("scraped, refused and survived")

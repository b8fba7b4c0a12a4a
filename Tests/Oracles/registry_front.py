"""A server before a registry of this machine, which behaves as other registries do, or as none should.

    registry_front.py PORT MODES

PORT is that of the registry. MODES is a file with one line, which is read anew for each request:

    plain             everything as the registry answers
    bearer SECONDS    whoever asks needs a token, which lives so long; to get one takes the name ada and the password secret
    redirect          blobs are at another address, where no Authorization may come
    elsewhere URL     blobs are said to be at that address
    norange           parts of blobs are not sent, only the whole
    shifted           other parts of blobs are sent than those that were asked for
    busy              every fourth request is told to come back later
    gone              connections end without an answer
    silent            nothing is answered for as long as this is so
    wrong             a byte of each part of a blob is another one
    short             parts of blobs have fewer bytes than were asked for
    unsatisfiable     parts of blobs are said not to be there (416)
    stuck BYTES       of a part of a blob no more than so many bytes come for as long as this is so
    endless           answers to what is sent, and parts of blobs, do not say where they end
    slow RATE         bodies of requests are taken at RATE bytes a second
    partly RATE       the same, and of an upload that is cut off what has come counts: its address stays good, and answers to GET
                      how far it is, as in version 3 of the registry

Otherwise nothing of a request that ends early reaches the registry, as with other servers that first take all of one.

It writes its port, and ends with TERM. In MODES.log it writes a line for each part of a blob that somebody asks for: its path, its
first and its last byte. In MODES.sent it writes a line for each request to an upload, and for each piece of its body as it comes:
the method, the path, and how many bytes came.
"""
import base64
import collections
import http.client
import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

registry, modes = int(sys.argv[1]), sys.argv[2]
tokens, lock, turn = {}, threading.Lock(), [0]
# Of uploads, by their paths: where each goes on, how many bytes it has, and who works on it.
places, sizes, busy_uploads = {}, {}, collections.defaultdict(threading.Lock)


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, headers, body=b"", is_endless=False, stuck=1 << 40):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers) and not is_endless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:stuck])
            while len(body) > stuck and open(modes).read().startswith("stuck"):
                time.sleep(0.05)
            self.wfile.write(body[stuck:])

    def note(self, count):
        if "/blobs/uploads/" in self.path:
            with lock, open(modes + ".sent", "a") as log:
                log.write(f"{self.command} {self.path.partition('?')[0]} {count}\n")

    def take_body(self, rate):
        """The body, or what comes of it, and whether that is all."""
        expected, pieces, count = int(self.headers.get("Content-Length") or 0), [], 0
        try:
            while count < expected and (piece := self.rfile.read1(min(1 << 20, expected - count))):
                pieces.append(piece)
                count += len(piece)
                self.note(len(piece))
                if rate:
                    time.sleep(len(piece) / rate)
        except ConnectionError:
            pass
        return b"".join(pieces), count == expected

    def remember(self, answer, size):
        """What an answer to a request to an upload says of it."""
        location = dict(answer.getheaders()).get("Location")
        if answer.status in (202, 204) and location:
            place = "/v2/" + location.partition("/v2/")[2]
            upload = place.partition("?")[0]
            places[upload], sizes[upload] = place, size

    def handle_request(self):
        # Who asks for an upload waits for the end of what was sent to it.
        upload = self.path.partition("?")[0] if "/blobs/uploads/" in self.path else None
        if upload is None or upload.endswith("/"):
            return self.take_request(None)
        with busy_uploads[upload]:
            return self.take_request(upload)

    def take_request(self, upload):
        mode, *words = open(modes).read().split()
        self.note(0)
        body, is_whole = self.take_body(float(words[0]) if mode in ("slow", "partly") else 0)
        if not is_whole:
            self.close_connection = True
            if mode != "partly" or self.command != "PATCH":
                return
        path = self.path
        if mode == "partly" and upload in places:
            first = self.headers.get("Content-Range", "").partition("-")[0]
            if first and int(first) != sizes[upload]:
                return self.say(416, [])
            digest = [field for field in path.partition("?")[2].split("&") if field.startswith("digest=")]
            path = "&".join([places[upload]] + digest)
        port = self.server.server_address[1]
        is_blob = "/blobs/sha256:" in self.path and self.command == "GET"
        while mode == "silent":
            time.sleep(0.05)
            mode, *words = open(modes).read().split()
        if mode == "gone":
            self.close_connection = True
            return
        is_part = is_blob and "Range" in self.headers
        if is_part:
            with lock, open(modes + ".log", "a") as log:
                log.write(f"{self.path} {self.headers['Range'].removeprefix('bytes=').replace('-', ' ')}\n")
        if is_part and mode == "unsatisfiable":
            return self.say(416, [("Content-Range", "bytes */1")])
        if port == other.server_address[1] and self.headers.get("Authorization"):
            return self.say(400, [], b"two ways to prove who asks")
        if self.path.startswith("/token?"):
            expected = "Basic " + base64.b64encode(b"ada:secret").decode()
            if self.headers.get("Authorization") != expected:
                return self.say(401, [])
            token, seconds = secrets.token_hex(16), int(words[0])
            tokens[token] = time.monotonic() + seconds
            return self.say(200, [], json.dumps({"token": token, "expires_in": seconds}).encode())
        if mode == "bearer" and port == main.server_address[1]:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if tokens.get(token, 0) < time.monotonic():
                realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="test",scope="repository:a:pull"'
                return self.say(401, [("WWW-Authenticate", realm)])
        if mode == "busy":
            with lock:
                turn[0] += 1
                if turn[0] % 4 == 1:
                    return self.say(503, [("Retry-After", "0")])
        if is_blob and mode == "redirect" and port == main.server_address[1]:
            return self.say(307, [("Location", f"http://127.0.0.1:{other.server_address[1]}{self.path}")])
        if is_blob and mode == "elsewhere":
            return self.say(307, [("Location", words[0])])
        left_out = ("expect", "connection", "content-length")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
        if is_blob and mode == "norange":
            headers = {name: value for name, value in headers.items() if name.lower() != "range"}
        if is_blob and mode == "shifted":
            first, last = headers["Range"].removeprefix("bytes=").split("-")
            headers["Range"] = f"bytes={int(first) + 1}-{last}"
        upstream = http.client.HTTPConnection("127.0.0.1", registry)
        upstream.request(self.command, path, body or None, headers)
        answer = upstream.getresponse()
        data, headers = answer.read(), answer.getheaders()
        self.remember(answer, sizes.get(upload, 0) + len(body))
        if not is_whole:
            return
        if is_part and mode == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if is_part and mode == "short":
            data = data[: len(data) // 2]
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        is_endless = mode == "endless" and (is_part or self.command in ("POST", "PUT", "PATCH"))
        if is_endless:
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        self.say(answer.status, headers, data, is_endless, int(words[0]) if is_part and mode == "stuck" else 1 << 40)
        upstream.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_request


main = ThreadingHTTPServer(("127.0.0.1", 0), Front)
other = ThreadingHTTPServer(("127.0.0.1", 0), Front)
threading.Thread(target=other.serve_forever, daemon=True).start()
print(main.server_address[1], flush=True)
main.serve_forever()

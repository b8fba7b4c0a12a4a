"""Downloads from a hub in little, on this machine, as `hf download --local-dir` does. Usage: mount_hub.py FOLDER SCRATCH

The connection breaks in the middle of the weights. The rest is asked for and appended, and a second download changes nothing."""
import hashlib
import http.server
import json
import os
import re
import struct
import subprocess
import sys
import threading

target, scratch = sys.argv[1:]
COMMIT = "a" * 40
# More than twice what the client takes at once: it keeps what came before the connection broke.
WEIGHTS = bytes(range(256)) * (96 << 10)


def safetensors(data):
    header = json.dumps({"a": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILES = {"model.safetensors": safetensors(WEIGHTS), "config.json": b"{}\n", "tokenizer/vocab.txt": b"a b c\n"}


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    isBroken = False
    ranges = []

    def log_message(self, *_):
        pass

    def answer(self, body, code=200, sent=None, **headers):
        self.send_response(code)
        for key, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent])

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/me/tiny"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in FILES.items()]
            model = {"id": "me/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            return self.answer(json.dumps(tree if "/tree/" in path else model).encode(), Content_Type="application/json")
        found = re.fullmatch(f"/me/tiny/resolve/{COMMIT}/(.*)", path)
        if not found or found[1] not in FILES:
            return self.answer(b"not here", 404)
        data = FILES[found[1]]
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted:
            start = int(wanted[1])
            Hub.ranges.append(start)
            return self.answer(
                data[start:], 206, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}", **headers)
        if self.command == "GET" and found[1] == "model.safetensors" and not Hub.isBroken:
            Hub.isBroken = True
            self.close_connection = True
            return self.answer(data, sent=len(data) * 3 // 4, **headers)
        self.answer(data, **headers)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = {
    **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HOME": os.path.join(scratch, "hub")}
client = os.path.join(os.path.dirname(sys.executable), "hf")
for _ in range(2):
    command = [client, "download", "me/tiny", "--local-dir", target]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    for name, data in FILES.items():
        with open(os.path.join(target, name), "rb") as file:
            assert file.read() == data, name
assert Hub.isBroken and len(Hub.ranges) == 1 and 0 < Hub.ranges[0] < len(WEIGHTS), Hub.ranges
server.shutdown()

"""A web server of files that sends ranges of them: static_server.py FOLDER [--norange]. It writes its port."""
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, ranges = sys.argv[1], "--norange" not in sys.argv


class Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = folder + self.path.split("?")[0]
        if ".." in path or not os.path.isfile(path):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        data = open(path, "rb").read()
        asked = self.headers.get("Range")
        if asked and ranges:
            first, last = asked.removeprefix("bytes=").split("-")
            part = data[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
            data = part
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_GET


server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
print(server.server_address[1], flush=True)
server.serve_forever()

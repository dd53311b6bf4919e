"""Serve the predictions of a run to programs on this computer: python docs/serve.py runs/mine 8000"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic

import musiclab as ml

BYTES, SECONDS, PATIENCE = 20_000_000, 60, 10  # of an upload: most bytes, s of sound to classify, s to wait for it


class Handler(BaseHTTPRequestHandler):
    timeout, error_content_type, error_message_format = PATIENCE, "text/plain; charset=utf-8", "%(explain)s\n"

    def do_POST(self):
        sound, size, end = bytearray(), int(self.headers.get("Content-Length", 0)), monotonic() + PATIENCE
        if not 0 < size <= BYTES:
            return self.send_error(413, explain=f"expected a sound file of 1 to {BYTES:,} bytes, found {size:,}")
        while monotonic() < end and (chunk := self.rfile.read1(min(size - len(sound), 65536))):
            sound += chunk
        if len(sound) < size:
            return self.send_error(408, explain=f"received {len(sound):,} of {size:,} bytes")
        with TemporaryDirectory() as folder, one_at_a_time:
            (path := Path(folder, "upload")).write_bytes(sound)
            try:
                predictions = run.predict(*ml.audio.load_audio(path, None, duration=SECONDS)).to_dict()
            except ml.core.errors.MusiclabError as error:
                return self.send_error(400, explain=str(error).replace(str(path), "upload"))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(predictions["predictions"][0]).encode())


run, one_at_a_time = ml.load(sys.argv[1]), Lock()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()

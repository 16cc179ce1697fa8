"""A way to an HTTP server through which bytes go, or which fails as networks and proxies do."""

import contextlib
import socket
import threading


class FaultyWay:
    """A TCP proxy on loopback. `fault`: "" passes everything on, "hang" never answers, "reset" ends each connection, a
    status line such as "503 Service Unavailable" is answered by the proxy itself, with `headers`. `cut_after`: where
    the answer is lost."""

    def __init__(self, host: str, port: int) -> None:
        self.fault = ""
        self.headers: list[str] = []
        self.cut_after = b""  # the first message with this in it is passed on, and its answer is lost
        self.connections = 0
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._over = threading.Event()
        self._answered = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f"http://{host}:{port}"

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits there
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self.fault == "reset":
                return
            server = socket.create_connection(self._to)
            self._open.append(server)
            passes = threading.Event()
            passes.set()
            threading.Thread(target=self._back, args=(server, client, passes), daemon=True).start()
            with server:
                while data := client.recv(65536):
                    if self.cut_after and self.cut_after in data:
                        self.cut_after = b""
                        passes.clear()
                        server.sendall(data)
                        self._answered.wait(10)
                        return
                    if self.fault == "reset":
                        return
                    if self.fault == "hang":
                        self._over.wait()
                        return
                    if self.fault:
                        self._answer(client, data)
                        return
                    server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket, passes: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not passes.is_set():
                    self._answered.set()
                    return
                client.sendall(data)

    def _answer(self, client: socket.socket, data: bytes) -> None:
        """Reads the request to its end, so that the client can hear the answer."""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        length = next(
            (int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += client.recv(65536)
        headers = "".join(f"{header}\r\n" for header in self.headers)
        client.sendall(f"HTTP/1.1 {self.fault}\r\n{headers}Content-Length: 4\r\nConnection: close\r\n\r\nbusy".encode())

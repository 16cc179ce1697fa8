"""What keeps services running on a box, as systemd's `Restart=always` does: `python3 keeper.py LOG COMMAND …`.

It ends its service with it, and starts it again 0.2 s after it has ended, however that was.
"""

import signal
import subprocess
import sys
import threading
from pathlib import Path


def main(log: Path, command: list[str]) -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with log.open("ab") as out:
        while not stopping.is_set():
            service = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
            while service.poll() is None and not stopping.wait(0.05):
                pass
            if service.poll() is None:
                service.terminate()
                service.wait(15)
            out.write(f"keeper: the service ended with {service.returncode}\n".encode())
            out.flush()
            stopping.wait(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

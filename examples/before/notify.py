"""Mails to customers, sent by a few workers."""

import queue
import smtplib
import threading


class Mailer:
    def __init__(self, host: str) -> None:
        self.host = host
        self.waiting: queue.Queue = queue.Queue(maxsize=1000)
        self.workers = [threading.Thread(target=self.run, daemon=True) for _ in range(4)]

    def run(self) -> None:
        while not self.waiting.empty():
            message = self.waiting.get()
            with smtplib.SMTP(self.host, timeout=10) as server:
                server.send_message(message)

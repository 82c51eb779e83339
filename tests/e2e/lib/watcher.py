# SPDX-License-Identifier: Apache-2.0
"""Scrapes without pause, beside what a test does."""

import contextlib
import re
import threading

import exposition
import proc


class Watcher:
    """`patterns` say which lines of the answers are kept, as bytes of regular expressions."""

    def __init__(self, daemon, *patterns):
        self._daemon = daemon
        self._kept = re.compile(rb"^(?:" + b"|".join(patterns) + rb").*\n", re.M)
        self._answers = []  # (began, ended, text), CLOCK_MONOTONIC
        self._error = None
        self._stop = False
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        # The daemon answers with its next window, so this is no busy loop.
        while not self._stop:
            with self._turn:
                try:
                    began = proc.mono()
                    text = self._daemon.metrics_text()
                    ended = proc.mono()
                except OSError as error:
                    self._error = error
                    return
                kept = b"".join(match[0] for match in self._kept.finditer(text))
                self._answers.append((began, ended, kept))

    @contextlib.contextmanager
    def paused(self):
        """No scrape begins or ends in here."""
        with self._turn:
            yield

    def answers(self):
        """[(began, ended, samples)] so far."""
        if self._error:
            raise AssertionError(f"a scrape failed: {self._error!r}")
        return [(began, ended, exposition.parse(text)) for began, ended, text in
                list(self._answers)]

    def stop(self):
        self._stop = True
        self._thread.join()

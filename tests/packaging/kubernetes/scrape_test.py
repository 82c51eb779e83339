#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a real Prometheus makes of rows when it scrapes as the PodMonitor, or the chart's README, says.

    scrape_test.py [CLASS…]
"""

import http.server
import re
import sys
import threading
import unittest

import yaml

from tools import CHART, KUSTOMIZE  # it knows where the next ones are

import cleanup
import needs
from prometheus import Prometheus

# A row each of a container, a pod and the node, labelled as `throttlelens metrics` says.
ROWS = b"""# TYPE throttlelens_container_cpu_usage_seconds_total counter
throttlelens_container_cpu_usage_seconds_total{namespace="shop",pod="web-0",container="app"} 3
# TYPE throttlelens_pod_cpu_usage_seconds_total counter
throttlelens_pod_cpu_usage_seconds_total{namespace="shop",pod="web-0"} 4
# TYPE throttlelens_node_cpu_idle_ratio gauge
throttlelens_node_cpu_idle_ratio{window="5s"} 0.5
"""
# What discovery and the operator know of the pod that is asked.
ASKED = {
    "__meta_kubernetes_pod_node_name": "node-7",
    "__meta_kubernetes_pod_container_port_name": "metrics",
    "namespace": "throttlelens", "pod": "throttlelens-x7k2p", "container": "throttlelens", "endpoint": "metrics",
}
SNAKE = {"sourceLabels": "source_labels", "targetLabel": "target_label"}


class Rows(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(ROWS)

    def log_message(self, *_):
        pass


class Scrape(unittest.TestCase):
    def setUp(self):
        needs.need_tool("prometheus", "prometheus")
        self.addCleanup(cleanup.close_all)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rows)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.target = f"127.0.0.1:{server.server_port}"

    def stored(self, scrape: dict, given: dict) -> dict:
        """Labels by name of metric, but for the job."""
        prometheus = Prometheus(self.target, given, scrape=scrape)
        self.addCleanup(prometheus.end)
        prometheus.wait_for_scrape()
        series = prometheus.series('{__name__=~"throttlelens_.+|up"}')
        return {labels.pop("__name__"): {name: value for name, value in labels.items() if name != "job"}
                for labels, _ in series}

    NODE = {"instance": "node-7", "node": "node-7"}
    WANTED = {
        "throttlelens_container_cpu_usage_seconds_total":
            {"namespace": "shop", "pod": "web-0", "container": "app", **NODE},
        "throttlelens_pod_cpu_usage_seconds_total": {"namespace": "shop", "pod": "web-0", **NODE},
        "throttlelens_node_cpu_idle_ratio": {"window": "5s", **NODE},
        "up": NODE,
    }

    def test_pod_monitor(self):
        monitor = yaml.safe_load((KUSTOMIZE / "components" / "pod-monitor" / "pod-monitor.yaml").read_text())
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        relabel = [{SNAKE.get(key, key): value for key, value in step.items()} for step in endpoint["relabelings"]]
        self.assertEqual(
            self.stored({"honor_labels": endpoint["honorLabels"], "relabel_configs": relabel}, ASKED), self.WANTED)

    def test_without_it(self):
        """Why it has them: otherwise a pod's row seems to be of a container of that pod."""
        stored = self.stored({"honor_labels": True}, ASKED)
        self.assertEqual(stored["throttlelens_pod_cpu_usage_seconds_total"]["container"], "throttlelens")
        self.assertEqual(stored["throttlelens_node_cpu_idle_ratio"]["pod"], "throttlelens-x7k2p")

    def test_readme(self):
        text = (CHART / "README.md").read_text()
        block = re.search(r"^    - job_name: throttlelens\n(?:    .*\n)+", text, re.MULTILINE).group(0)
        (scrape,) = yaml.safe_load(block)
        discovery = {"kubernetes_sd_configs", "job_name"}
        meta = {name: value for name, value in ASKED.items() if name.startswith("__")}
        self.assertEqual(self.stored({key: value for key, value in scrape.items() if key not in discovery} |
                                     {"scrape_interval": "1s"}, meta), self.WANTED)


def main() -> int:
    cleanup.on_signals()
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and 0 < result.testsRun == len(result.skipped):
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

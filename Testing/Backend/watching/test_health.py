"""Health over HTTP: the right status, the reasons, and numbers that Prometheus can read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from atlastumor.errors import InputError
from atlastumor.watching.health import Answer, HealthServer
from atlastumor.watching.metrics import Metrics

NUMBERS = {
    "cases": {"done": 3, "waiting": 1},
    "queue": 1,
    "unsent": 2,
    "refused": 5,
    "disk_free_bytes": 10**9,
    "is_ready": True,
}


class Service:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.reasons: tuple[str, ...] = ()
        self.metrics = Metrics("tiny")
        self.url = ""

    def ask(self, page: str, method: str = "GET") -> tuple[int, str, bytes]:
        try:
            with urlopen(Request(self.url + page, method=method), timeout=5) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with HealthServer(
        ("127.0.0.1", 0),
        health=lambda: Answer((), {}),
        ready=lambda: Answer(service.reasons, {"queue": 4}),
        metrics=lambda: service.metrics.write(**NUMBERS),
    ) as server:
        service.url = "http://{}:{}".format(*server.address)
        yield service


def test_a_service_that_is_well_says_so(service: Service) -> None:
    status, kind, body = service.ask("/ready")

    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"ok": True, "reasons": [], "queue": 4}


def test_a_service_that_is_not_ready_says_why_and_is_alive(service: Service) -> None:
    service.reasons = ("The model is not loaded.",)

    status, _, body = service.ask("/ready")

    assert status == 503
    assert json.loads(body)["reasons"] == ["The model is not loaded."]
    assert service.ask("/health")[0] == 200


def test_other_pages_and_methods_are_refused(service: Service) -> None:
    assert service.ask("/")[0] == 404
    assert service.ask("/ready", "POST")[0] == 501
    assert service.ask("/ready", "HEAD") == (200, "application/json", b"")


def test_metrics_are_what_prometheus_reads(service: Service) -> None:
    service.metrics.observe_stages({"Searching": 2.0})
    service.metrics.sends_failed.inc()

    status, kind, body = service.ask("/metrics")

    read = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert read["atlastumor_cases", "done"] == 3
    assert read["atlastumor_queue_length",] == 1
    assert read["atlastumor_unsent_results",] == 2
    assert read["atlastumor_refused_results",] == 5
    assert read["atlastumor_disk_free_bytes",] == 1e9
    assert read["atlastumor_ready",] == 1
    assert read["atlastumor_sends_failed_total",] == 1
    assert read["atlastumor_worker_restarts_total",] == 0
    assert read["atlastumor_stage_seconds_count", "Searching"] == 1
    assert read["atlastumor_stage_seconds_bucket", "1.0", "Searching"] == 0
    assert read["atlastumor_stage_seconds_bucket", "3.0", "Searching"] == 1
    assert any(name == "atlastumor_build_info" and "tiny" in labels for name, *labels in read)
    assert not any(name.startswith("python_") for name, *_ in read)


def test_a_taken_port_is_an_error_with_a_way_out(service: Service) -> None:
    port = int(service.url.rpartition(":")[2])

    with pytest.raises(InputError, match="Name another address with --health, or none"):
        HealthServer(
            ("127.0.0.1", port),
            health=lambda: Answer((), {}),
            ready=lambda: Answer((), {}),
            metrics=bytes,
        )


def test_health_is_told_by_ipv6_too(service: Service) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this computer")
    answer = Answer((), {})
    with HealthServer(
        ("::1", 0), health=lambda: answer, ready=lambda: answer, metrics=bytes
    ) as server:
        service.url = f"http://[::1]:{server.address[1]}"

        assert service.ask("/health")[0] == 200

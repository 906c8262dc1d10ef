"""Requests that nobody would think of, made from the description of the API."""

import pytest
import schemathesis
from challenges import new_challenge
from fake_hub import running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from challenge.store import audit_log

N_REQUESTS = 15  # of each operation


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    challenge = new_challenge(tmp_path_factory.mktemp("fuzz") / "c", refusals_per_day=10**6)
    with running(challenge) as service:
        yield service
    assert audit_log(challenge.store).faults == ()


@pytest.fixture(scope="module")
def schema(service):
    described = service.client().get("api/openapi.json")
    assert described.status_code == 200
    return schemathesis.openapi.from_dict(described.json())


def operations(schema):
    return [each.ok() for each in schema.get_all_operations()]


def test_every_function_of_the_api_is_described_with_its_refusals(schema):
    found = {(each.method.upper(), each.path.split("challenge/")[1]) for each in operations(schema)}
    assert found >= {
        ("GET", "api/me"),
        ("POST", "api/submissions/{network}"),
        ("GET", "api/submissions"),
        ("GET", "api/board"),
        ("GET", "health"),
    }


@pytest.mark.slow
def test_no_request_breaks_the_service_or_what_its_description_promises(service, schema, caplog):
    token = service.hub.add("alice", "team-Red")
    strategy = st.one_of([each.as_strategy() for each in operations(schema)])

    @settings(
        max_examples=N_REQUESTS * 5,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case):
        answer = case.call(base_url=service.address, headers={"Authorization": f"token {token}"})
        # Random bytes are what the description asks for, and no file of scores.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])
        assert answer.status_code < 500

    ask()
    assert "unforeseen" not in caplog.text

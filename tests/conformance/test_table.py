"""The table of docs/egress.md. This test runs last, and only when all others do."""

import attack_table
import conftest
import pods
import pytest


@pytest.mark.skipif(not pods.can_run(), reason="needs root, as test_agent.py does, or rows are missing")
def test_the_table_is_what_was_seen(request):
    expected = request.config.stash[attack_table.EXPECTED]
    assert len(conftest.ROWS) == expected, "an attack failed, or saw nothing"
    assert {point for point, _, _ in conftest.ROWS} == set(attack_table.POINTS), "a point has no attack"
    problem = attack_table.compare(conftest.ROWS)
    assert problem is None, problem

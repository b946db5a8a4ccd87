import pytest
from mlserve.serve.request_ids import RequestIds


def test_the_callers_own_id_is_kept():
    assert RequestIds().take([(b"x-request-id", b"order-17")]) == "order-17"


@pytest.mark.parametrize("given", [b"", b"a b", b"a\x1b[31m", b"x" * 129, "\u00e9".encode()])
def test_an_id_that_could_hurt_a_log_is_replaced(given):
    assert RequestIds("ours").take([(b"x-request-id", given)]) == "ours-1"


def test_new_ids_differ():
    ids = RequestIds()
    assert len({ids.take([]) for _ in range(1000)}) == 1000


def test_two_services_do_not_give_the_same_id():
    assert RequestIds().take([]) != RequestIds().take([])

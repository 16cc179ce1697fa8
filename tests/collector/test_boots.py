"""What is stored of each boot, and what `ack` says of it."""

from collector.boots import ACKED_BOOTS, FORGET_AFTER_MS, Boots

A, B = "a" * 8, "b" * 8


def heard(boots: Boots, boot: str, *seqs: int, oldest: int = 1, now_ms: int = 0) -> None:
    for seq in seqs:
        boots.heard(boot, oldest, [], now_ms)
        boots.stored(boot, seq)


def test_ack_is_the_whole_truth_from_oldest_on() -> None:
    boots = Boots()
    heard(boots, A, *range(1, 16), 18)
    heard(boots, B, 3, oldest=3)
    assert boots.ack().boots == {A: [(1, 15), (18, 18)], B: [(3, 3)]}
    heard(boots, A, 19, oldest=12)
    assert boots.ack().boots[A] == [(12, 15), (18, 19)]


def test_a_repeat_is_known_by_boot_and_seq() -> None:  # fault 11
    boots = Boots()
    heard(boots, A, 1, 2, 5)
    assert [seq for seq in range(1, 7) if boots.is_repeat(A, seq)] == [1, 2, 5]
    assert not boots.is_repeat(B, 1)


def test_it_outlives_the_process() -> None:
    boots = Boots()
    heard(boots, A, 1, 2, 5, oldest=2, now_ms=7)
    assert Boots.load(boots.dump()).ack() == boots.ack()


def test_an_agent_that_restarts_again_and_again_stays_bounded() -> None:
    boots = Boots()
    for number in range(2_000):
        heard(boots, f"{number:08x}", 1, now_ms=number)
    acked = boots.ack().boots
    assert list(acked) == [f"{number:08x}" for number in range(1_999, 1_999 - ACKED_BOOTS, -1)]
    assert len(boots.dump()) == 1_000


def test_a_boot_is_forgotten_15_days_after_it_was_last_heard() -> None:
    boots = Boots()
    heard(boots, A, 1, now_ms=0)
    heard(boots, B, 1, now_ms=FORGET_AFTER_MS)
    boots.forget(FORGET_AFTER_MS + 1)
    assert list(boots.ack().boots) == [B]

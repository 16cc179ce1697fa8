"""Which files of a server's folder are fetched."""

from edge.feed.sources.listing import FILES_MAX, TOTAL_MAX, Fetches, Listed, read_listing


def listed(name: str, size: int = 10, when: str = "Nov 24 08:00") -> Listed:
    return Listed(name, size, f"-rw-r--r--    1 0        0      {size} {when} {name}")


def test_what_openssh_shows() -> None:
    found = read_listing(
        [
            'sftp> lcd "/var/lib/shouwang/fetched"\n',
            "sftp> ls -lnt *.csv\n",
            "-rw-r--r--    1 0        0             104 Nov 24 18:55 atm 2.csv\n",
            "-rw-r--r--    ? 1000     1000     33554433 Nov  2  2024 设备.csv\r\n",
            "drwxr-xr-x    2 0        0            4096 Nov 24 18:55 folder.csv\n",
            "lrwxrwxrwx    1 0        0               9 Nov 24 18:55 link.csv\n",
            "-rw-r--r--    1 0        0             -10 Nov 24 18:55 strange.csv\n",
        ]
    )
    assert [(each.name, each.size) for each in found] == [("atm 2.csv", 104), ("设备.csv", 33_554_433)]


def test_a_file_is_fetched_until_it_cannot_change_within_the_minute_that_is_shown() -> None:
    fetches = Fetches()
    for at_s, fetched in ((0.0, True), (60.0, True), (119.0, True), (125.0, True), (300.0, False), (600.0, False)):
        chosen = fetches.choose([listed("a.csv")], {"a.csv": 10}, at_s)
        assert [each.name for each in chosen.fetch] == (["a.csv"] if fetched else []), at_s
        fetches.fetched(chosen.fetch, at_s)
    changed = listed("a.csv", when="Nov 24 08:10")
    assert fetches.choose([changed], {"a.csv": 10}, 660.0).fetch == [changed]
    assert fetches.choose([changed], {"a.csv": 10}, 661.0).fetch == [changed], "it did not come"


def test_a_file_that_is_here_in_part_is_fetched_again() -> None:
    fetches = Fetches()
    for at_s in (0.0, 200.0):
        fetches.choose([listed("a.csv")], {}, at_s)
        fetches.fetched([listed("a.csv")], at_s)
    assert fetches.choose([listed("a.csv")], {"a.csv": 10}, 300.0).fetch == []
    assert fetches.choose([listed("a.csv")], {"a.csv": 7}, 300.0).fetch == [listed("a.csv")]


def test_bounds_in_number_and_bytes() -> None:
    many = [listed(f"{number}.csv") for number in range(FILES_MAX + 7)]
    chosen = Fetches().choose(many, {}, 0.0)
    assert [each.name for each in chosen.fetch] == [f"{number}.csv" for number in range(FILES_MAX)], "the newest"
    assert [aside.detail for aside in chosen.asides] == [
        "7 older files of the folder are not fetched: at most 200, and 64 MiB"
    ]
    half = TOTAL_MAX // 2 - 1
    chosen = Fetches().choose([listed("huge.csv", TOTAL_MAX), *(listed(f"{n}.csv", half) for n in range(3))], {}, 0.0)
    assert [each.name for each in chosen.fetch] == ["0.csv", "1.csv"]
    assert [aside.reason for aside in chosen.asides] == ["too_large", "too_many"]
    assert chosen.stay == {"0.csv", "1.csv"}


def test_names_that_sftp_would_take_for_something_else() -> None:
    names = ['a".csv', "a*.csv", "a?.csv", "[a].csv", "-r.csv", "a\\b.csv", "../a.csv", "a\x1b.csv", "..", "ok 1.csv"]
    chosen = Fetches().choose([listed(name) for name in names], {}, 0.0)
    assert [each.name for each in chosen.fetch] == ["ok 1.csv"]
    assert {aside.reason for aside in chosen.asides} == {"file_name"}

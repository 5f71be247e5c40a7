"""Where a process is in the hierarchies of cgroups, on machines of each kind."""

from pathlib import Path

from tests.container.cgroup import own_folders

PROC = "22 1 0:21 / /proc rw - proc proc rw\n"


def test_a_machine_with_version_2() -> None:
    mounted = "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

    assert [*own_folders("0::/user.slice\n", PROC + mounted)] == [Path("/sys/fs/cgroup/user.slice")]


def test_a_container_in_which_its_own_is_the_root() -> None:
    mounted = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"

    assert [*own_folders("0::/\n", mounted)] == [Path("/sys/fs/cgroup")]


def test_a_machine_with_version_1_whose_cpusets_are_left_alone() -> None:
    """And with version 2 beside it, as systemd has it."""
    mounted = (
        "31 1 0:27 / /cg/memory rw - cgroup cgroup rw,memory\n"
        "32 1 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 1 0:29 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
        "34 1 0:30 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n"
        "35 1 0:31 / /cg/unified rw - cgroup2 cgroup2 rw\n"
    )
    own = "5:memory:/x\n4:cpu,cpuacct:/\n3:cpuset:/\n1:name=systemd:/y\n0::/z\n"

    assert [*map(str, own_folders(own, mounted))] == [
        "/cg/memory/x",
        "/cg/cpu",
        "/cg/systemd/y",
        "/cg/unified/z",
    ]


def test_a_container_that_sees_the_path_of_the_machine() -> None:
    mounted = "31 1 0:27 /docker/1f /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n"

    assert [*own_folders("7:pids:/docker/1f\n", mounted)] == [Path("/sys/fs/cgroup/pids")]

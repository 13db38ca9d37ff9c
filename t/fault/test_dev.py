# SPDX-License-Identifier: AGPL-3.0-or-later
"""./dev itself: what it starts stays up, and what it ends was its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
import quantora
from quantora import DEV, Stack, free_ports, wait_until

NAMES = ("mysql", "redis", "matcherd", "settlerd", "api-trade", "api", "api-egress",
         "streamd", "workerd", "nginx")
BUILD = os.environ.get("QUANTORA_BUILD_DIR", f"{quantora.TOP}/build")


@pytest.fixture(scope="module")
def own():
    with Stack.boot_new() as running:
        yield running


def answers(stack):
    try:
        return stack.client().get("/api/orderbook").status_code == 200
    except OSError:
        return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def environment(run_dir, **more):
    http, https = free_ports(2)
    return {**os.environ, "QUANTORA_RUN_DIR": run_dir, "QUANTORA_BUILD": "0",
            "QUANTORA_DEMO": "0", "QUANTORA_HTTP_PORT": str(http),
            "QUANTORA_HTTPS_PORT": str(https), **more}


def dev(env, *arguments):
    done = subprocess.run([DEV, *arguments], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.returncode, done.stdout


@pytest.fixture
def run_dir():
    path = tempfile.mkdtemp(prefix="quantora-t.")
    yield path
    dev(environment(path), "stop")
    shutil.rmtree(path)


def test_status_says_what_runs(own):
    done = subprocess.run([DEV, "status"], env=own.env, stdout=subprocess.PIPE,
                          text=True, check=False)
    assert done.returncode == 0
    for name in NAMES:
        assert f"pid {own.pid(name)} " in done.stdout
    assert str(own.http_port) in done.stdout and own.run_dir in done.stdout


def test_ctl_passes_on_what_it_is_given(own):
    password = "two  spaces, a * and 'quotes'"
    code, said = dev(own.env, "ctl", "user", "create", "dev@example.com",
                     "--password", password)
    assert code == 0, said
    own.client().login("dev@example.com", password)
    asked_directly = own.ctl("no such", "group", check=False)
    assert asked_directly.returncode != 0
    assert dev(own.env, "ctl", "no such", "group") == (
        asked_directly.returncode, asked_directly.stdout + asked_directly.stderr)


def test_a_second_run_finds_the_first(own):
    before = own.pid("matcherd")
    assert "runs already" in own.dev("run", "--detach")
    assert own.pid("matcherd") == before


@pytest.mark.parametrize("name", NAMES)
def test_what_is_killed_comes_back(own, name):
    own.kill(name, signal.SIGKILL)
    wait_until(lambda: answers(own), 60, f"an answer after {name} was killed")


def test_the_children_of_a_killed_daemon_end(own):
    """Workers of a dead master would go on at a socket that nobody finds."""
    leader = own.pid("api-trade")
    with open(f"/proc/{leader}/task/{leader}/children") as f:
        children = f.read().split()
    assert children
    own.kill("api-trade", signal.SIGKILL)
    assert not any(alive(child) for child in children)
    wait_until(lambda: answers(own), 60, "an answer")


def test_without_its_supervisor_it_goes_on_and_heals(own):
    wait_until(lambda: answers(own), 60, "an answer")
    matcher = own.pid("matcherd")
    supervisor = own.pid("supervisor")
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor), 60, "the supervisor's end")
    wait_until(lambda: answers(own), 60, "an answer")
    own.start()
    assert answers(own)
    assert own.pid("supervisor") != supervisor and not alive(matcher)


def test_stop_ends_all_of_it_and_nothing_else(own):
    pids = [own.pid(name) for name in NAMES + ("supervisor",)]
    assert own.dev("stop") == "Stopped.\n"
    assert not any(alive(pid) for pid in pids)
    assert "Nothing runs" in own.dev("stop")
    # A pid that was used again belongs to somebody else, whatever our file says.
    with subprocess.Popen(["sleep", "60"]) as bystander:
        with open("/proc/sys/kernel/random/boot_id") as f:
            boot = f.read().strip()
        with open(f"{own.run_dir}/pid/matcherd", "w") as f:
            f.write(f"{bystander.pid} 1 {boot}\n")
        own.dev("stop")
        own.start()
        assert bystander.poll() is None and answers(own)
        bystander.kill()


def test_after_a_power_cut_it_starts_again(own):
    """Everything dies at once; files, sockets and pids stay behind."""
    for name in ("supervisor",) + NAMES:
        os.kill(own.pid(name), signal.SIGKILL)
    own.start()
    assert answers(own)


def test_a_taken_port_is_one_sentence(run_dir):
    env = environment(run_dir)
    with socket.create_server(("127.0.0.1", int(env["QUANTORA_HTTP_PORT"]))):
        code, output = dev(env, "run", "--detach")
    assert code == 1
    assert output.count("\n") == 1
    assert env["QUANTORA_HTTP_PORT"] in output and "QUANTORA_HTTP_PORT" in output
    assert dev(env, "run", "--detach")[0] == 0


def test_a_daemon_that_dies_at_start_says_why(run_dir, tmp_path):
    """A build where one program is broken: its last line is the reason."""
    for name in os.listdir(BUILD):
        if name.startswith("quantora"):
            os.symlink(f"{BUILD}/{name}", tmp_path / name)
    os.unlink(tmp_path / "quantora-settlerd")
    broken = tmp_path / "quantora-settlerd"
    broken.write_text("#!/bin/sh\necho first >&2\necho the stars are wrong >&2\nexit 1\n")
    broken.chmod(0o755)
    env = environment(run_dir, QUANTORA_BUILD_DIR=str(tmp_path))
    code, output = dev(env, "run", "--detach")
    assert code == 1
    assert "settlerd did not start: the stars are wrong" in output
    assert dev(env, "status")[0] == 3
    broken.unlink()
    code, output = dev(env, "run", "--detach")
    assert code == 1 and "quantora-settlerd" in output and "Traceback" not in output


def test_sigint_ends_a_run_in_the_foreground(run_dir):
    env = environment(run_dir)
    with subprocess.Popen([DEV, "run"], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        assert dev(env, "status")[0] == 0
        # As a terminal does it: to everybody in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        output = process.stdout.read()
    assert process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert dev(env, "status")[0] == 3


def test_long_paths_have_their_sockets_elsewhere(run_dir):
    long_dir = f"{run_dir}/{'x' * 60}/{'y' * 60}"
    env = environment(long_dir)
    code, output = dev(env, "run", "--detach")
    assert code == 0, output
    try:
        stack = Stack(long_dir, ours=False)
        assert len(stack.sock_dir) < 60 and answers(stack)
        assert dev(env, "status")[0] == 0
    finally:
        dev(env, "stop")
        shutil.rmtree(stack.sock_dir)


def test_two_stacks_side_by_side(own, run_dir):
    env = environment(run_dir)
    assert dev(env, "run", "--detach")[0] == 0
    assert answers(own) and answers(Stack(run_dir, ours=False))
    assert dev(env, "stop")[0] == 0
    assert answers(own)


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_one_sentence(run_dir):
    small = f"{run_dir}/small"
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small],
                      check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        code, output = dev(environment(f"{small}/run"), "run", "--detach")
        assert code == 1
        assert output.count("\n") == 1 and "free" in output
    finally:
        subprocess.run(["umount", small], check=True)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""./dev itself: what it starts stays up, and what it ends was its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
import quantora
from quantora import BUILD, DEV, Stack, free_ports, wait_until

NAMES = ("mysql", "redis", "matcherd", "settlerd", "api-trade", "api", "api-egress",
         "streamd", "workerd", "nginx")


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
    wait_until(lambda: answers(own), f"an answer after {name} was killed")


def test_the_children_of_a_killed_daemon_end(own):
    """Workers of a dead master would go on at a socket that nobody finds."""
    leader = own.pid("api-trade")
    with open(f"/proc/{leader}/task/{leader}/children") as f:
        children = f.read().split()
    assert children
    own.kill("api-trade", signal.SIGKILL)
    wait_until(lambda: not any(alive(child) for child in children), "their end")
    wait_until(lambda: answers(own), "an answer")


def test_without_its_supervisor_it_goes_on_and_heals(own):
    wait_until(lambda: answers(own), "an answer")
    matcher = own.pid("matcherd")
    supervisor = own.pid("supervisor")
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor), "the supervisor's end")
    wait_until(lambda: answers(own), "an answer")
    own.start()
    assert answers(own)
    assert own.pid("supervisor") != supervisor and not alive(matcher)


def test_stop_ends_all_of_it_and_nothing_else(own):
    pids = [own.pid(name) for name in NAMES]
    supervisor = own.pid("supervisor")
    assert own.dev("stop") == "Stopped.\n"
    assert not any(alive(pid) for pid in pids)
    wait_until(lambda: not alive(supervisor), "the supervisor's end")
    assert "Nothing runs" in own.dev("stop")
    # A pid that was used again belongs to somebody else, whatever our file says.
    with subprocess.Popen(["sleep", "infinity"]) as bystander:
        try:
            with open("/proc/sys/kernel/random/boot_id") as f:
                boot = f.read().strip()
            with open(f"{own.run_dir}/pid/matcherd", "w") as f:
                f.write(f"{bystander.pid} 1 {boot}\n")
            own.dev("stop")
            own.start()
            assert bystander.poll() is None and answers(own)
        finally:
            bystander.kill()


def test_after_a_power_cut_it_starts_again(own):
    """Everything dies at once; files, sockets and pids stay behind."""
    pids = [own.pid(name) for name in ("supervisor",) + NAMES]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in pids), "the end of all")
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


def link_programs(folder):
    """A build directory with the programs, and nothing that was made there."""
    for name in os.listdir(BUILD):
        if name.startswith("quantora"):
            os.symlink(f"{BUILD}/{name}", folder / name)


def test_a_daemon_that_dies_at_start_says_why(run_dir, tmp_path):
    """A build where one program is broken: its last line is the reason."""
    link_programs(tmp_path)
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


def test_who_is_still_starting_is_not_told_to_end_yet(run_dir, tmp_path):
    """MariaDB, when it is, now and then neither starts nor ends; this one never."""
    for name in os.listdir(BUILD):
        if name.startswith("quantora"):
            os.symlink(f"{BUILD}/{name}", tmp_path / name)
    os.unlink(tmp_path / "quantora-matcherd")
    for name, text in (
            ("quantora-matcherd", "echo the journal is damaged >&2; exit 1"),
            ("mariadbd", "trap 'exec sleep 600' TERM; sleep 1 & wait; trap - TERM; "
                         'exec /usr/sbin/mariadbd "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    code, output = dev(environment(run_dir, QUANTORA_BUILD_DIR=str(tmp_path),
                                   PATH=f"{tmp_path}:{os.environ['PATH']}"),
                       "run", "--detach")
    assert code == 1
    assert "matcherd did not start: the journal is damaged" in output
    assert "is killed" not in output


@contextlib.contextmanager
def foreground(env):
    """A run that has said how it is ended."""
    with subprocess.Popen([DEV, "run"], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        yield process


def test_sigint_ends_a_run_in_the_foreground(run_dir):
    env = environment(run_dir)
    with foreground(env) as process:
        assert dev(env, "status")[0] == 0
        # As a terminal does it: to everybody in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        output = process.stdout.read()
    assert process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert dev(env, "status")[0] == 3


def test_ctrl_c_ends_the_preparation_too(run_dir, tmp_path):
    """What is at work when it comes may survive it; what follows must not start."""
    link_programs(tmp_path)
    program = tmp_path / "mariadb-install-db"
    program.write_text('#!/bin/sh\n: >"$0.begun"\n'
                       'until [ -e "$0.goes-on" ]; do sleep 0.05; done\n'
                       f'exec {shutil.which(program.name)} "$@"\n')
    program.chmod(0o755)
    env = environment(run_dir, QUANTORA_BUILD_DIR=str(tmp_path),
                      PATH=f"{tmp_path}:{os.environ['PATH']}")
    with subprocess.Popen([DEV, "run"], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True) as process:
        wait_until(lambda: os.path.exists(f"{program}.begun"), "MariaDB's installation")
        os.kill(process.pid, signal.SIGINT)      # to us alone
        open(f"{program}.goes-on", "w").close()
        output = process.stdout.read()
    assert process.returncode == 1
    assert output == "Ended before anything was started.\n"
    assert dev(env, "status")[0] == 3
    assert dev(env, "run", "--detach")[0] == 0


def test_several_at_once_start_one_stack(run_dir):
    """Each says that it runs; none disturbs who prepares it."""
    env = environment(run_dir)
    runs = [subprocess.Popen([DEV, "run", "--detach"], env=env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT) for _ in range(3)]
    said = [process.communicate()[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0, 0], said
    assert sum("Started in" in text for text in said) == 1, said
    assert sum("It runs already." in text for text in said) == 2, said
    assert answers(Stack(run_dir, ours=False))


def test_it_can_be_called_by_a_link(run_dir, tmp_path):
    link = tmp_path / "quantora"
    link.symlink_to(DEV)
    done = subprocess.run([link, "status"], env=environment(run_dir), cwd="/",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert (done.returncode, done.stdout) == (3, f"Nothing runs in {run_dir}.\n")


@pytest.mark.parametrize("name, short", [("orders", ("-r", "1", "-s", "1", "-n", "4")),
                                         ("streams", ("-n", "20", "-t", "3"))])
def test_benchmarks_make_a_stack_of_their_own(run_dir, name, short):
    code, output = dev(environment(run_dir), "bench", name, *short)
    assert code == 0, output
    assert f"bench={name} " in output.splitlines()[-1]


def test_whatever_the_umask_nobody_else_writes_here(run_dir):
    done = subprocess.run(f"umask 0; exec {DEV} run --detach", shell=True,
                          env=environment(run_dir), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    for name in os.listdir(run_dir):
        assert os.stat(f"{run_dir}/{name}").st_mode & 0o022 == 0, name


@pytest.mark.parametrize("variable, value, said", (
    ("QUANTORA_RUN_DIR", "/etc/hostname/run", "Nothing runs in /etc/hostname/run.\n"),
    ("QUANTORA_BUILD_DIR", "/nonexistent", "Nothing is built in /nonexistent"),
    ("QUANTORA_HTTP_PORT", "no", "QUANTORA_HTTP_PORT is 'no', which is no port.\n"),
    ("QUANTORA_HTTPS_PORT", "08000", "are the same.\n"),
))
def test_what_cannot_be_is_one_sentence(run_dir, variable, value, said):
    env = environment(run_dir, **{"QUANTORA_HTTP_PORT": "8000", variable: value})
    command = ("status",) if variable == "QUANTORA_RUN_DIR" else ("run", "--detach")
    code, output = dev(env, *command)
    assert code != 0
    assert output.count("\n") == 1 and said in output


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


@contextlib.contextmanager
def small_disk(at, size):
    if os.getuid() != 0:
        pytest.skip("only root mounts a small file system")
    os.mkdir(at)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", at],
                      check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def fill(path):
    """Until not even the last block of a file has room."""
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


def test_a_full_disk_is_one_sentence(run_dir):
    small = f"{run_dir}/small"
    with small_disk(small, "8m"):
        code, output = dev(environment(f"{small}/run"), "run", "--detach")
    assert code == 1
    assert output.count("\n") == 1 and "free" in output


def test_on_a_full_disk_what_is_killed_comes_back(run_dir):
    small = f"{run_dir}/small"
    env = environment(f"{small}/run")
    with small_disk(small, "480m"):
        with foreground(env) as process:
            stack = Stack(f"{small}/run", ours=False)
            pids = [stack.pid(name) for name in NAMES]
            fill(f"{small}/ballast")
            for name in ("streamd", "api"):
                stack.kill(name)
                wait_until(lambda: dev(env, "status")[0] == 0, f"{name} anew")
            assert answers(stack)
            pids += [stack.pid(name) for name in NAMES]
            # MariaDB waits a minute for room before it ends; nobody else does.
            os.unlink(f"{small}/ballast")
            os.killpg(process.pid, signal.SIGINT)
            output = process.stdout.read()
        assert process.returncode == 0 and output.endswith("Stopped.\n"), output
        assert not any(alive(pid) for pid in pids)
        assert dev(env, "run", "--detach")[0] == 0
        assert dev(env, "stop")[0] == 0


def test_a_disk_that_is_read_only_is_one_sentence(run_dir):
    small = f"{run_dir}/small"
    env = environment(f"{small}/run")
    with small_disk(small, "480m"):
        os.makedirs(f"{small}/run/pid")
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        code, output = dev(env, "run", "--detach")
        assert code == 1 and output.count("\n") == 1 and "written" in output
        code, output = dev(env, "stop")
        assert output.count("\n") == 1 and "Traceback" not in output

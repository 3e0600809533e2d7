# SPDX-License-Identifier: MIT
"""Runs the test_ functions of a script and says how it went, in TAP.

The title of a test is the first line of its docstring. A test fails by an
exception; Skip leaves it out with a reason.
"""

import ctypes
import inspect
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SLOW_SECONDS = 1.0
# A test that hangs must not hang `make check`.
LIMIT_SECONDS = int(os.environ.get("LIMIT_SECONDS", "300"))


class Skip(Exception):
    """What the test needs is not here."""


def skip_unless(condition, reason):
    if not condition:
        raise Skip(reason)


def _say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _diagnose(text):
    for line in text.rstrip().splitlines():
        _say("# " + line)


def note(text):
    """A figure that a test has measured."""
    _diagnose(text)


def _title(function):
    doc = inspect.getdoc(function) or function.__name__
    return doc.splitlines()[0].replace("#", "")


def _run(number, function, world):
    title = _title(function)
    begin = time.monotonic()
    signal.alarm(LIMIT_SECONDS)
    try:
        function(world)
    except Skip as reason:
        _say(f"ok {number} - {title} # SKIP {reason}")
        return True
    except Exception:
        _say(f"not ok {number} - {title}")
        _diagnose(traceback.format_exc())
        if hasattr(world, "tail_logs"):
            _diagnose(world.tail_logs())
        return False
    finally:
        signal.alarm(0)
    _say(f"ok {number} - {title}")
    seconds = time.monotonic() - begin
    if seconds > SLOW_SECONDS:
        _diagnose(f"{seconds:.1f} s")
    return True


def _tests(module, wanted):
    """In order of definition; `wanted` are parts of names, or "=NAME"."""
    found = [value for name, value in vars(module).items()
             if name.startswith("test_") and inspect.isfunction(value)]
    if wanted:
        found = [test for test in found
                 if any(word in "=" + test.__name__ + "=" for word in wanted)]
    return found


def _hangs(*_):
    raise AssertionError(f"not done within {LIMIT_SECONDS} s")


_PR_SET_PDEATHSIG = 1


def _end_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _start_apart(tests):
    output = tempfile.TemporaryFile("w+")
    return subprocess.Popen(
        [sys.executable, sys.argv[0],
         *(f"={test.__name__}=" for test in tests)],
        stdout=output, preexec_fn=_end_with_parent), output, tests


def _run_apart(tests, count):
    """`count` processes, each with a part of the tests."""
    parts = [_start_apart(tests[i::count]) for i in range(count) if tests[i:]]
    good, number = True, 0
    _say(f"1..{len(tests)}")
    for process, output, part in parts:
        good &= process.wait() == 0
        output.seek(0)
        for line in output.read().splitlines():
            verdict = re.match(r"((?:not )?ok) \d+ (.*)", line)
            if verdict:
                number += 1
                line = f"{verdict[1]} {number} {verdict[2]}"
            elif line.startswith("1..0 # SKIP"):
                for test in part:
                    number += 1
                    _say(f"ok {number} - {_title(test)}{line[4:]}")
            if not line.startswith("1.."):
                _say(line)
    return good


def main(make_world, prepare=None, tidy=False, slow=False, brief=(), apart=1):
    """Runs the caller's tests within one make_world(), then exits.

    `prepare(world)` sets up what all tests share; a Skip in it skips all.
    `tidy`: what a test starts ends with it, not with the script. `slow`: too
    long for `make check`, unless FULL=1 says so, as ./selftest does; `brief`
    are parts of the names of those that are not. Names on the command line
    select. `apart`: so many processes share the tests, each with a world of its
    own: for tests that wait more than they work.
    """
    wanted = sys.argv[1:]
    if slow and not wanted and not os.environ.get("FULL"):
        wanted = brief
        if not wanted:
            _say("1..0 # SKIP minutes long: FULL=1 runs it, ./selftest does")
            sys.exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, _hangs)
    tests = _tests(sys.modules["__main__"], wanted)
    if apart > 1 and not sys.argv[1:]:
        sys.exit(0 if _run_apart(tests, apart) else 1)
    good = True
    with make_world() as world:
        try:
            if prepare:
                prepare(world)
        except Skip as reason:
            _say(f"1..0 # SKIP {reason}")
            sys.exit(0)
        except Exception:
            _say("Bail out! preparation failed")
            _diagnose(traceback.format_exc())
            _diagnose(world.tail_logs())
            sys.exit(1)
        _say(f"1..{len(tests)}")
        shared = world.programs() if tidy else ()
        for number, test in enumerate(tests, 1):
            good &= _run(number, test, world)
            if tidy:
                world.end_programs(shared)
    sys.exit(0 if good else 1)


def is_root():
    return os.geteuid() == 0

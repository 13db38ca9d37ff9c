# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the checks of the source text share: files, C without comments, TAP."""

import os
import re
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEFT_OUT = {".git", "build", "run", "autom4te.cache", "build-aux", "__pycache__",
            "node_modules", ".pytest_cache"}


def files(root, folders, suffixes):
    """Paths relative to ROOT of the files below FOLDERS with one of SUFFIXES."""
    for folder in folders:
        for where, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = sorted(d for d in dirs
                             if d not in LEFT_OUT and not d.startswith("build-"))
            for name in sorted(names):
                path = os.path.join(where, name)
                if name.endswith(suffixes) and not os.path.islink(path):
                    yield os.path.relpath(path, root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


C_TOKENS = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    """TEXT as spaces, its lines kept."""
    return re.sub(r"[^\n]", " ", text)


def c_code(text, strings=False):
    """C with its comments, and unless STRINGS its literals, made blank."""
    def keep_or_blank(match):
        token = match.group()
        if token[0] == "/":
            return blank(token)
        return token if strings else token[0] + blank(token[1:-1]) + token[-1]
    return C_TOKENS.sub(keep_or_blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def main(checks, samples):
    """Run every check on the tree, and prove that each one finds its sample.

    CHECKS are functions of a root that yield "file:line: what is wrong".
    SAMPLES holds for each check's name the files of a small tree, and how many
    findings there have to be.
    """
    if len(sys.argv) > 1:
        found = [f for check in checks for f in check(sys.argv[1])]
        print("\n".join(found))
        sys.exit(1 if found else 0)
    number = failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        for label, found, wanted in (
                (name, list(check(TOP)), 0),
                (f"{name}: finds what it forbids", *on_sample(check, samples))):
            number += 1
            good = len(found) == wanted
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {label}")
            if not good:
                print("\n".join(f"# {f}" for f in found) or "# nothing was found")
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


def on_sample(check, samples):
    """(what CHECK finds in its sample, how many that should be)."""
    sample, wanted = samples[check.__name__]
    with tempfile.TemporaryDirectory() as root:
        for path, text in sample.items():
            os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
            with open(f"{root}/{path}", "w", encoding="utf-8") as f:
                f.write(text)
        return list(check(root)), wanted

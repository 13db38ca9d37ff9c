# SPDX-License-Identifier: AGPL-3.0-or-later
"""A file includes only what is below it, and third parties stay behind fences.

The layers from the bottom up; those on one line don't know each other.
"""

import re

import checker

LAYERS = (
    ("base",),
    ("wire",),
    ("engine", "quant"),
    ("db", "cache", "journal", "net"),
    ("json",),
    ("auth", "venue", "settle"),
    ("domain", "http", "stream"),
    ("work",),
    ("handlers",),
    ("daemons",),
)
RANK = {layer: rank for rank, line in enumerate(LAYERS) for layer in line}

# header: the paths that may include it
FENCES = {
    "fcgiapp.h": r"src/http/request\.c|src/daemons/api",
    "fcgi_stdio.h": r"never",
    "fastcgi.h": r"never",
    "mysql.h": r"src/db/",
    "microhttpd.h": r"src/work/monitor_listener\.c",
    "hiredis.h": r"src/cache/",
    "libwebsockets.h": r"src/daemons/stream",
    "uv.h": r"src/daemons/stream",
    "curl.h": r"src/net/",
    "jwt.h": r"src/auth/token",
    "oath.h": r"src/auth/totp",
    "sodium.h": r"src/auth/",
    "qrencode.h": r"src/auth/",
    "png.h": r"src/auth/",
    "jansson.h": r"src/(?:json|auth|venue|domain|http|stream|work|daemons)/|handlers/",
    "ini.h": r"src/base/conf",
    "zstd.h": r"src/journal/archive\.c",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def includes(root):
    """(path, line, bracket, header) of every #include of src/ and handlers/."""
    for path in checker.files(root, ("src", "handlers"), (".c", ".h")):
        text = checker.c_code(checker.read(root, path), strings=True)
        for match in INCLUDE.finditer(text):
            yield path, checker.line_of(text, match.start()), *match.groups()


def layer_of(path):
    parts = path.split("/")
    return "handlers" if parts[0] == "handlers" else parts[1]


def includes_point_down(root):
    for path, line, bracket, header in includes(root):
        if bracket != '"':
            continue
        own = layer_of(path)
        header = header.removeprefix("src/")
        other = header.split("/")[0] if "/" in header else own
        if own not in RANK or other not in RANK:
            yield f"{path}:{line}: {header} is in no layer"
        elif other != own and RANK[other] >= RANK[own]:
            yield f"{path}:{line}: {own} may not know {header}"


def third_parties_are_fenced(root):
    for path, line, _, header in includes(root):
        fence = FENCES.get(header.rsplit("/", 1)[-1])
        if fence is not None and "/" + header not in path and not re.match(fence, path):
            yield f"{path}:{line}: {header} does not belong here"


SAMPLES = {
    "includes_point_down": ({
        "src/base/a.h": '#include "base/b.h"\n#include "wire/x.h"\n',
        "src/engine/a.c": '#include "engine/a.h"\n#include "quant/x.h"\n'
                          '/* #include "daemons/x.h" */\n#include "wire/x.h"\n',
        "src/domain/a.c": '#include "auth/vault.h"\n  #  include "http/x.h"\n',
        "handlers/a/b.c": '#include "handlers/a/b.h"\n#include "domain/x.h"\n'
                          '#include "daemons/x.h"\n',
        "src/nowhere/a.c": '#include "base/b.h"\n',
    }, 5),
    "third_parties_are_fenced": ({
        "src/db/a.c": "#include <mysql.h>\n#include <jansson.h>\n",
        "src/settle/a.c": "#include <jansson.h>\n#include <mysql/mysql.h>\n",
        "src/http/request.c": "#include <fcgiapp.h>\n#include <curl/curl.h>\n",
        "src/http/other.c": "#include <fcgiapp.h>\n",
        "handlers/a/b.c": "#include <jansson.h>\n#include <stdio.h>\n",
    }, 5),
}

if __name__ == "__main__":
    checker.main((includes_point_down, third_parties_are_fenced), SAMPLES)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our code never does: functions, types and forms that are banned.

Each check proves on a sample that it would find what it forbids.
"""

import glob
import os
import re

import checker

C = (".c", ".h")
PROGRAM = ("src", "handlers")
ALL_C = ("src", "handlers", "t", "bench")
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
TEST_LINES_MAX = 1000

# Money never passes through a binary float; here nothing does.
EXACT = re.compile(r"src/(?:base|wire|engine|journal|settle)/"
                   r"|src/domain/(?:wallet|order)|handlers/")
BANNED_CALLS = re.compile(r"\b(strcpy|strcat|v?sprintf|gets|atoi|atol|atoll|atof"
                          r"|strtod|strtof|strtold|localtime|gmtime|ctime|asctime"
                          r"|strtok|rand|srand)\s*\(")
SQL = re.compile(r'"\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|GRANT'
                 r'|REVOKE|WHERE|AND|ORDER BY|LIMIT)\s')
PRINTF = re.compile(r"\b(?:v?(?:sn|as|f|d)?printf|text_append_format)\s*\(")
# What is not to be named in what we publish; split, so as not to find itself.
ELSEWHERE = re.compile("/tmp" "/q\\b|/work" "/(?:main|shared)|\\." "library/")
UNFINISHED = re.compile(r"\b(?:FIX" r"ME|XX" r"X|TO" r"DO)\b")
TEXT_FOLDERS = ("src", "handlers", "t", "bench", "sql", "nginx", "systemd", "dev.d", "docs")
TEXTS = (".c", ".h", ".py", ".sh", ".am", ".sql", ".conf", ".map", ".in", ".md", ".js",
         ".html", ".css", ".service", ".t")


def finding(path, text, offset, what):
    return f"{path}:{checker.line_of(text, offset)}: {what}"


def banned_functions(root):
    for path in checker.files(root, PROGRAM, C):
        text = checker.c_code(checker.read(root, path))
        for match in BANNED_CALLS.finditer(text):
            yield finding(path, text, match.start(), f"{match[1]}() is banned")


def no_binary_floats_near_money(root):
    for path in checker.files(root, PROGRAM, C):
        if EXACT.match(path):
            text = checker.c_code(checker.read(root, path))
            for match in re.finditer(r"\b(?:double|float)\b", text):
                yield finding(path, text, match.start(), f"{match[0]} is banned here")


def end_of_call(text, start):
    """The offset behind the parenthesis that closes the first one after START."""
    depth = 0
    for at in range(text.index("(", start), len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return len(text)


def no_sql_by_printf(root):
    """SQL is a literal, and its values are bound."""
    for path in checker.files(root, PROGRAM, C):
        whole = checker.read(root, path)
        code = checker.c_code(whole)
        strings = checker.c_code(whole, strings=True)
        for match in PRINTF.finditer(code):
            if SQL.search(strings[match.start():end_of_call(code, match.start())]):
                yield finding(path, code, match.start(), "SQL is made by printf")


def nothing_unfinished(root):
    for path in checker.files(root, TEXT_FOLDERS, TEXTS):
        text = checker.read(root, path)
        for match in UNFINISHED.finditer(text):
            yield finding(path, text, match.start(), f"{match[0]} is left")


def nothing_of_elsewhere(root):
    """Paths of a machine have no place in what is published."""
    for path in checker.files(root, TEXT_FOLDERS, TEXTS):
        text = checker.read(root, path)
        for match in ELSEWHERE.finditer(text):
            yield finding(path, text, match.start(), f"{match[0]} is named")


PROTOTYPE = re.compile(r"^(?:extern )?enum status\s+\**(\w+)\s*\(", re.M)
# These only record, and return what is to be answered.
ANSWERS = re.compile(r"fail$|\w+_blame$|reason_\w+$|req_(?:done|no_content|send)$")


def failures_must_be_looked_at(root):
    """A prototype that returns a status is MUST_USE."""
    for path in checker.files(root, PROGRAM, (".h",)):
        text = checker.c_code(checker.read(root, path))
        for match in PROTOTYPE.finditer(text):
            rest = text[end_of_call(text, match.start()):]
            tail = re.match(r"[^;{]*[;{]", rest)
            if tail and tail[0].endswith(";") and "MUST_USE" not in tail[0] \
                    and not ANSWERS.match(match[1]):
                yield finding(path, text, match.start(), f"{match[1]}() lacks MUST_USE")


def no_hidden_structs(root):
    for path in checker.files(root, PROGRAM, C):
        text = checker.c_code(checker.read(root, path))
        for match in re.finditer(r"\btypedef\s+(?:struct|union|enum)\b[^;{(]*[;{]", text):
            yield finding(path, text, match.start(), "a typedef hides what it is")


def one_kind_of_comment(root):
    for path in checker.files(root, ALL_C, C):
        text = checker.read(root, path)
        for match in checker.C_TOKENS.finditer(text):
            if match[0].startswith("//"):
                yield finding(path, text, match.start(), "// begins a comment")


def files_say_their_licence(root):
    for path in checker.files(root, TEXT_FOLDERS, (".c", ".h", ".py", ".sh", ".am", ".sql",
                                                   ".conf", ".service", ".t")):
        if "SPDX-License-Identifier: AGPL-3.0-or-later" not in \
                "".join(checker.read(root, path).splitlines()[:2]):
            yield f"{path}:1: has no SPDX line"


def lines_fit(root):
    for path in checker.files(root, ALL_C, C):
        for number, line in enumerate(checker.read(root, path).split("\n"), 1):
            if len(line.expandtabs(8)) > COLUMNS_MAX:
                yield f"{path}:{number}: is wider than {COLUMNS_MAX} columns"
            if line != line.rstrip():
                yield f"{path}:{number}: ends in white space"


def functions_and_files_are_short(root):
    for path in checker.files(root, ALL_C, C):
        lines = checker.read(root, path).split("\n")
        most = TEST_LINES_MAX if path.startswith("t/") else FILE_LINES_MAX
        if len(lines) > most + 1:
            yield f"{path}:{len(lines)}: has more than {most} lines"
        begun = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                begun = number
            elif line == "}" and begun is not None:
                if number - begun - 1 > FUNCTION_LINES_MAX:
                    yield (f"{path}:{begun}: a function of {number - begun - 1} lines, "
                           f"more than {FUNCTION_LINES_MAX}")
                begun = None


ROUTE = re.compile(r'\{\s*(GET|POST|PUT|PATCH|DELETE)\s*,\s*"(/[^"]*)"')


def routes_are_tested(root):
    """Every route row's path is asked for by a test of the API."""
    tests = "\n".join(checker.read(root, path) for path in checker.files(
        root, ("t/api", "t/security", "t/browser"), (".py", ".js", ".t"))
        if "edge" not in path)    # which asks nginx, and no route
    for path in checker.files(root, ("handlers",), (".c",)):
        text = checker.c_code(checker.read(root, path), strings=True)
        for match in ROUTE.finditer(text):
            wanted = re.sub(r"\\\{[^/]*?\\\}", r"[^/\\s]+", re.escape(match[2]))
            if not re.search(wanted + r"(?![\w/-])", tests):
                yield finding(path, text, match.start(),
                              f"no test asks for {match[1]} {match[2]}")


PATH_ROW = re.compile(r'"([a-z]+)\.([a-z_]+)", TEXT,\s*"run/')


def settings_name_every_path(root):
    """A path left to its default would be looked for in the working directory."""
    for settings in ("dev.d/conf/quantora.ini.in", "systemd/quantora.ini.in"):
        sections = {}
        for line in checker.read(root, settings).splitlines():
            if line.startswith("["):
                keys = sections.setdefault(line.strip("[]"), set())
            elif "=" in line and not line.startswith(";"):
                key = line.partition("=")[0].strip()
                if key in keys:
                    yield f"{settings}:1: sets {key} twice"
                keys.add(key)
        text = checker.read(root, "src/base/conf.h")
        for match in PATH_ROW.finditer(re.sub(r"\\\n\s*", " ", text)):
            if match[2] not in sections.get(match[1], ()):
                yield f"{settings}:1: does not set {match[1]}.{match[2]}"


NAMED = re.compile(r"`((?:bench|dev\.d|docs|handlers|nginx|sql|src|systemd|t)/[^` ]*)`"
                   r"|\]\(([^)#:]+)(?:#[^)]*)?\)")


def documents_name_what_there_is(root):
    """Files and folders, and links to other documents."""
    for path in ["README.md", *checker.files(root, ("docs",), (".md",))]:
        text = checker.read(root, path)
        for match in NAMED.finditer(text):
            folder = root if match[1] else os.path.join(root, os.path.dirname(path))
            name = re.sub(r"<[^>]*>", "*", match[1] or match[2])
            if not glob.glob(os.path.join(folder, name)):
                yield finding(path, text, match.start(), f"there is no {name}")


SPDX = "/* SPDX-License-Identifier: AGPL-3.0-or-later */\n"
SAMPLES = {
    "banned_functions": ({
        "src/base/a.c": "int f(void) { strcpy(a, b); return snprintf(c, 1, d); }\n"
                        "/* atoi(x) */ const char *s = \"atof(x)\";\nint my_atoi(int);\n",
        "handlers/a/b.c": "x = strtod (s, NULL);\n"}, 2),
    "no_binary_floats_near_money": ({
        "src/engine/a.c": "double x; /* double entry */ float y;\nint double_it;\n",
        "src/domain/order.c": "double x;\n", "src/domain/report.c": "double x;\n",
        "src/quant/a.c": "double x;\n"}, 3),
    "no_sql_by_printf": ({
        "src/db/a.c": "snprintf(b, n,\n\t\"SELECT %s FROM x\", y);\n"
                      "db_one(\"SELECT 1\");\nprintf(\"%d\", f(1), \"DELETE FROM x\");\n"
                      "printf(\"selected\"); db_exec(\"UPDATE x\");\n"}, 2),
    "nothing_unfinished": ({
        "src/a/a.c": "/* FIX" "ME: later */\n", "t/b.py": "# TO" "DO\nTODOS = 1\n"}, 2),
    "nothing_of_elsewhere": ({
        "t/b.sh": "cd /tmp" "/q/x\ncd /tmp/quantora\n", "docs/a.md": "see /work" "/main\n"}, 2),
    "failures_must_be_looked_at": ({
        "src/a/a.h": "enum status f(int a,\n\tvoid (*g)(int));\n"
                     "enum status h(int a) MUST_USE;\nint k(void);\n"
                     "static inline enum status l(int a)\n{\n}\n"
                     "/* enum status\n * m(void);\n */\nenum status (*hook)(void);\n"}, 1),
    "no_hidden_structs": ({
        "src/a/a.h": "typedef struct x x_t;\ntypedef int (*f)(int);\ntypedef enum status (*g)(int);\n"}, 1),
    "one_kind_of_comment": ({
        "src/a/a.c": "int a; // no\nconst char *u = \"http://x\"; /* // fine */\n"}, 1),
    "files_say_their_licence": ({
        "src/a/a.c": SPDX + "int a;\n", "src/a/b.c": "int a;\n",
        "t/c.py": "#!/usr/bin/python3\n# SPDX-License-Identifier: AGPL-3.0-or-later\n"}, 1),
    "lines_fit": ({
        "src/a/a.c": "\t" * 13 + "\n" + "x" * 101 + "\n" + "x" * 100 + "\nint a; \n"}, 4),
    "functions_and_files_are_short": ({
        "src/a/a.c": "int\nf(void)\n{\n" + "\tx;\n" * 71 + "}\n"
                     + "int\ng(void)\n{\n" + "\tx;\n" * 70 + "}\n",
        "src/a/b.c": "\n" * 601, "t/b.c": "\n" * 601}, 2),
    "routes_are_tested": ({
        "handlers/a/b.c": "{ GET, \"/api/bots/{bot_id}/x\", f },\n{POST, \"/api/order\", f},\n"
                          "{ GET, \"/api/orders\", f },\n",
        "t/api/test_edge.py": "c.get('/api/order')\n",
        "t/api/test_a.py": "c.get(f\"/api/bots/{id}/x\")\nc.get('/api/orders?x=1')\n"}, 1),
    "settings_name_every_path": ({
        "src/base/conf.h": 'X(A, "a.b", TEXT, "run/b", 0)\nX(B, "a.c", TEXT, \\\n\t"run/c")\n'
                           'X(D, "a.d", TEXT, "d", 0)\n',
        "dev.d/conf/quantora.ini.in": "[a]\nb = 1\nb = 2\n[x]\nc = 1\n",
        "systemd/quantora.ini.in": "[a]\nb = 1\nc = 1\n"}, 2),
    "documents_name_what_there_is": ({
        "README.md": "`src/a/` `src/b/` [a](docs/a.md#x) [b](docs/b.md) [c](http://c)\n",
        "docs/a.md": "`src/*/a*.c` `src/<x>/` [r](../README.md) [a](docs/a.md) `t/x y`\n",
        "src/a/a.c": ""}, 3),
}

CHECKS = (banned_functions, no_binary_floats_near_money, no_sql_by_printf,
          nothing_unfinished, nothing_of_elsewhere, failures_must_be_looked_at,
          no_hidden_structs, one_kind_of_comment, files_say_their_licence, lines_fit,
          functions_and_files_are_short, routes_are_tested, settings_name_every_path,
          documents_name_what_there_is)

if __name__ == "__main__":
    checker.main(CHECKS, SAMPLES)

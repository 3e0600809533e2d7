#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sentence that the uploader can give as a reason is in the RUNBOOK of
upcast-uploader(8), and every one there is in the code.

A heading (.It Sy) is compared word for word, with any text where it has "..."
or N. What goes to the log or the probe alone is no reason.
"""

import os
import re
import sys

TOP = os.environ.get("top_srcdir", ".")
MANUAL = "man/upcast-uploader.8"
OTHERS = {"main", "check", "command", "control", "report", "probe", "parties",
          "policy", "rev", "rev_json", "rev_write", "rev_form", "row",
          "cms_xml", "html", "hints", "reconcile", "recording"}
WORDS_MIN = 3
IS_FORMAT = re.compile(r"%[-+.0-9]*(?:l*[a-z]|)")
IS_WORD = re.compile(r"(?<!\S)[(']?[a-zA-Z][\w']*[,:;.?)]?(?!\S)")
# Names of errors that libnfs gives, parts of other sentences.
KNOWN = ("reset by peer", "failed with NFS", "response status code:",
         "a second look", "of the system", "cms: no memory")
IS_CODE = re.compile(r"\b(SELECT|FROM|INSERT|UPDATE|CREATE|ALTER|PRAGMA|DELETE)\b")
LITERAL = r'"((?:[^"\\\n]|\\.)*)"'
GAP = r"(?:\s|PRI\w+|\\\n)*"


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def sources():
    folder = os.path.join(TOP, "uploader")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".c") and name[:-2] not in OTHERS:
            yield f"uploader/{name}"
    yield from ("lib/http.c", "lib/http_why.c", "lib/resolve.c")


def sentences(name):
    """(line, text) of what is no argument of a log function."""
    code = read(name)
    code = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), code,
                  flags=re.S)
    code = re.sub(r"\b(log_\w+|engine_note|abort|assert)\((?:[^;]*?)\);",
                  lambda m: "\n" * m[0].count("\n"), code, flags=re.S)
    for match in re.finditer(f"{LITERAL}(?:{GAP}{LITERAL})*", code):
        text = "".join(re.findall(LITERAL, match[0]))
        words = IS_WORD.findall(IS_FORMAT.sub("", text))
        if len(words) >= WORDS_MIN and not IS_CODE.search(text) \
                and text not in KNOWN:
            yield code.count("\n", 0, match.start()) + 1, text


def headings():
    runbook = read(MANUAL).split(".Sh RUNBOOK")[1].split(".Sh ")[0]
    return [line[len(".It Sy "):].replace("\\(dq", '"')
            for line in runbook.splitlines() if line.startswith(".It Sy ")]


def pattern(heading):
    pieces = re.split(r"\.\.\.|\bN\b", heading)
    return re.compile(".*".join(re.escape(p.strip()) for p in pieces))


def main():
    patterns = {heading: pattern(heading) for heading in headings()}
    used, missing = set(), []
    for name in sources():
        for line, text in sentences(name):
            found = [heading for heading, expression in patterns.items()
                     if expression.search(text)]
            used.update(found)
            if not found:
                missing.append(f"{name}:{line}: {text}")
    stale = [heading for heading in patterns if heading not in used]
    for text in missing:
        print(f"# not in the RUNBOOK: {text}")
    for text in stale:
        print(f"# not in the code: {text}")
    print("1..1")
    print("not ok 1 - the RUNBOOK" if missing or stale else
          "ok 1 - the RUNBOOK")
    sys.exit(1 if missing or stale else 0)


main()

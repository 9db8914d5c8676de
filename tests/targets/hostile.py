# SPDX-License-Identifier: GPL-2.0-only
"""Functions whose names and files are chosen to harm whoever prints them. Function N has a file that begins with
hostile_N_, so that each can be told apart whatever became of its name."""
import sys
import types

from target import ready, stop

NAMES = [
    "plain",
    "<script>alert(1)</script>",
    "</title></text></svg><script>alert(2)</script>",
    "semi;colon;;",
    "new\nline 99\nnext",
    "carriage\rreturn",
    "escape\x1b[31m\x1b]0;title\x07",
    "quote\"apostrophe'&amp;&#60;",
    "ends in a number 12345",
    "  spaces  ",
    "nul\0after",
    "tab\tdelete\x7f",
    "x" * 10000,
    "",
    "%s%n%d\\x00\\",
    "]]>--><!--",
    "(looks like.py:12)",
    "[truncated]",
]
if sys.version_info[0] == 2:
    NAMES += ["invalid\xff\xfe\x80utf8", "overlong\xc0\xaf", "cut\xe2\x82"]
else:
    NAMES += ["surrogate\udc80\ud800", "bidi\u202eoverride", "c1\x9b31m\u0085", "line\u2028separator\ufeff\ufffe",
              "wide \U0001f600" * 50]


def renamed(code, name, filename):
    if hasattr(code, "replace"):
        names = {"co_name": name, "co_filename": filename}
        if hasattr(code, "co_qualname"):
            names["co_qualname"] = name
        return code.replace(**names)
    arguments = [code.co_argcount]
    if sys.version_info[0] == 3:
        arguments.append(code.co_kwonlyargcount)
    arguments += [code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code, code.co_consts, code.co_names,
                  code.co_varnames, filename, name, code.co_firstlineno, code.co_lnotab, code.co_freevars,
                  code.co_cellvars]
    return types.CodeType(*arguments)


def template():
    n = 20000
    while n: n -= 1


def main():
    functions = []
    for number, name in enumerate(NAMES):
        code = renamed(template.__code__, name, "hostile_%d_%s" % (number, name[:200]))
        functions.append(types.FunctionType(code, {}))
    ready(count=len(NAMES))
    while not stop:
        for function in functions:
            function()


main()

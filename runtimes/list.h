/* SPDX-License-Identifier: GPL-2.0-only */
/* Every language: folder name = name of its runtime_ops = prefix of its walker. */
#define RUNTIMES(X) X(python, PYTHON) X(lua, LUA)

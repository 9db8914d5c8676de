// SPDX-License-Identifier: GPL-2.0-only
// A program that has an interpreter inside and a name of its own: it runs the script it is given, as python would.
#include <Python.h>

int main(int argc, char **argv)
{
	return Py_BytesMain(argc, argv);
}

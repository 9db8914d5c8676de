/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of C that call each other n deep and burn there; built with frame pointers, which the kernel's walk needs. */
static volatile unsigned kept;

__attribute__((noinline)) int deep_c(int n)
{
	unsigned x = n;

	if (n > 1)
		return deep_c(n - 1) + kept % 2;
	for (int i = 0; i < 20000000; i++)
		x = x * 1664525 + 1013904223;
	kept = x;
	return 0;
}

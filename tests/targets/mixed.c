/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mixed.py calls, and is called back by. Without a libc, so that it loads on any system; built without frame pointers. Nothing
 * is a tail call, so each function has a frame.
 */
typedef int callback(int);

#define HOP __attribute__((noinline, visibility("default")))

static volatile int kept;

HOP int hop_one(callback *f, int n)
{
	char room[200] __attribute__((aligned(64))); /* a stack that is realigned has rules of another kind */

	__asm__ volatile("" : : "r"(room) : "memory");
	kept = f(n + 1);
	return kept + 1;
}

HOP int hop_two(callback *f, int n)
{
	kept = f(n + 1);
	return kept + 1;
}

HOP int hop_three(callback *f, int n)
{
	char room[n * 16 + 16]; /* nor is its size known: rbp is the base then */

	__asm__ volatile("" : : "r"(room) : "memory");
	kept = f(n + 1);
	return kept + 1;
}

HOP int hop_burn(int n)
{
	unsigned x = n;

	for (int i = 0; i < 2000000; i++)
		x = x * 1664525 + 1013904223;
	kept = x;
	return kept;
}

/* Called often, with places for probes: its first instruction saves rbp and nothing else, that at hop_probed must be executed. */
HOP int hop_small(int n)
{
	char room[n * 16 + 16];

	__asm__ volatile("" : : "r"(room) : "memory");
	__asm__ volatile(".globl hop_probed\nhop_probed: imul $3, %0, %0" : "+r"(n));
	return n;
}

HOP int hop_often(int n)
{
	for (int i = 0; i < 20000; i++)
		kept = hop_small(n & 1);
	return kept;
}

/* Handles a signal. */
HOP void hop_handler(int n)
{
	unsigned x = n;

	for (int i = 0; i < 500000; i++)
		x = x * 1664525 + 1013904223;
	kept = x;
}

static long syscall3(long number, long a, void *b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

/* Time in the kernel: bytes of /dev/zero. */
HOP int hop_read(int fd)
{
	static char bytes[1 << 20];

	for (int i = 0; i < 40; i++)
		kept = syscall3(0, fd, bytes, sizeof(bytes));
	return kept;
}

/* Blocked in a system call: nanosleep. */
HOP int hop_sleep(int milliseconds)
{
	long time[2] = { 0, milliseconds * 1000000L };

	kept = syscall3(35, (long)time, 0, 0);
	return kept;
}

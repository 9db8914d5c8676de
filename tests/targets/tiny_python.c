// SPDX-License-Identifier: GPL-2.0-only
/*
 * The outside of a CPython without the inside: the symbols, words, markers and small functions by
 * which a binary is recognised. -DOLD: 3.6.15, whose static variables are told by the code of two
 * functions. Else 3.13.0, which publishes offsets; -DHEX= -DOWNER= -DFREE_THREADED= put other
 * things there. The seeds of the ELF fuzzer are these files.
 */

/* A marker: note header, then address, base and semaphore, then three strings. */
__asm__(".pushsection .note.stapsdt,\"a\",\"note\"\n"
	".balign 4\n"
	".4byte 8, 2f - 1f, 3\n"
	".asciz \"stapsdt\"\n"
	"1: .8byte 0x1234\n"
	".8byte 0\n"
	".8byte 0x5678\n"
	".asciz \"python\"\n"
	".asciz \"gc__start\"\n"
	".asciz \"-4@%eax\"\n"
	"2: .balign 4\n"
	".popsection\n");

const char *Py_GetVersion(void);
void PyTraceBack_Here(void);
void _PyEval_EvalFrameDefault(void);

static void code_dealloc(void *p)
{
	*(volatile char *)p = 0;
}

struct {
	long head[3];
	const char *name;
	long sizes[2];
	void (*dealloc)(void *);
	long rest[40];
} PyCode_Type = { { 1 }, "code", { 0 }, code_dealloc };

void PyTraceBack_Here(void)
{
}

void _PyEval_EvalFrameDefault(void)
{
}

#ifdef OLD
void *PyInterpreterState_Head(void);
void *PyGILState_GetThisThreadState(void);
void *PyThread_get_key_value(int key);
void set(void *head, void *state, int key);

const char *Py_GetVersion(void)
{
	return "3.6.15";
}

void *_PyThreadState_Current;
static void *interp_head, *autoInterpreterState;
static int autoTLSkey = -1;

void *PyInterpreterState_Head(void)
{
	return interp_head;
}

void *PyGILState_GetThisThreadState(void)
{
	return autoInterpreterState ? PyThread_get_key_value(autoTLSkey) : 0;
}

void set(void *head, void *state, int key)
{
	interp_head = head;
	autoInterpreterState = state;
	autoTLSkey = key;
}

#else
#ifndef HEX
#define HEX 0x030d00f0
#endif
#ifndef OWNER
#define OWNER 70
#endif
#ifndef FREE_THREADED
#define FREE_THREADED 0
#endif

void *PyThreadState_GetUnchecked(void);
void set(void *state);

const char *Py_GetVersion(void)
{
	return "3.13.0";
}

const unsigned long Py_Version = HEX;

/* What 3.13.0 publishes; see debug_offsets.c. */
struct {
	char cookie[8];
	unsigned long words[72];
	long rest[200];
} __attribute__((aligned(16)))
_PyRuntime = { { 'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y' },
	       {
		       HEX,    FREE_THREADED,
		       283320, 608,
		       632, /* runtime */
		       194968, 7272,
		       7264,   7344,
		       7400,   7656,
		       7640,   7648,
		       16,     7752,
		       0,      7768,
		       7760, /* interpreter */
		       304,    0,
		       8,      16,
		       72,     152,
		       160,    232,
		       32, /* thread */
		       80,     8,
		       0,      56,
		       72,     OWNER, /* frame */
		       208,    112,
		       120,    128,
		       136,    68,
		       52,     96,
		       104,    200, /* code */
		       16,     8,
		       416,    24,
		       88,     168,
		       32,     24,
		       16,     40,
		       24,     16, /* object, type, tuple, list */
		       48,     32,
		       40,     24,
		       16,     32,
		       16,     24,
		       40,     16,
		       32,     64,
		       32,     16,
		       40,     240,
		       200, /* dict, float, long, bytes, unicode, gc */
	       } };

static __thread void *tss_tstate;

void *PyThreadState_GetUnchecked(void)
{
	return tss_tstate;
}

void set(void *state)
{
	tss_tstate = state;
}
#endif

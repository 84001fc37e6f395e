// Names that other people's headers define: <termios.h>, <complex.h>, <windows.h>, <sys/sysmacros.h>, Arduino, old X11
// code, and the single capitals of numerical codes.  The standard library comes first, as it would fall over itself.
#include <bits/stdc++.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define A 0x41
#define B 0x42
#define B0 0x4230
#define C 0x43
#define D 0x44
#define E 0x45
#define F 0x46
#define G 0x47
#define H 0x48
#define I _Complex_I
#define J 0x4a
#define K 0x4b
#define L 0x4c
#define M 0x4d
#define N 0x4e
#define O 0x4f
#define P 0x50
#define Q 0x51
#define R 0x52
#define S 0x53
#define T 0x54
#define U 0x55
#define V 0x56
#define W 0x57
#define X 0x58
#define Y 0x59
#define Z 0x5a

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(a) ((a) < 0 ? -(a) : (a))
#define round(a) ((long)((a) + 0.5))
#define assert_true hostile macro
#define CHECK(a) hostile macro
#define LIKELY(a) hostile macro
#define UNUSED(a) hostile macro
#define index hostile macro
#define major hostile macro
#define minor hostile macro
#define small hostile macro
#define near hostile macro
#define far hostile macro
#define linux 1
#define unix 1
#define ERROR hostile macro
#define TRUE 1
#define FALSE 0
#define IN
#define OUT
#define VOID void

#include "plain_headers.hpp"

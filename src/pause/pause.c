// The process that keeps a pod's namespaces alive: it waits, reaps orphans, and ends on SIGINT or
// SIGTERM. Freestanding, so that the image is a few KiB and runs on any Linux of its architecture.
#include <asm/unistd.h>

#define SIG_INT 2
#define SIG_TERM 15
#define SIG_CHLD 17
#define SIG_BIT(n) (1UL << ((n)-1))
#define SIG_BLOCK_HOW 0
#define WAIT_NOHANG 1

#if defined(__x86_64__)
static long call4(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static long call4(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "pause: no system calls for this architecture yet"
#endif

void _start(void) {
  // Blocked signals reach PID 1 even without a handler; it takes them one by one.
  unsigned long set = SIG_BIT(SIG_INT) | SIG_BIT(SIG_TERM) | SIG_BIT(SIG_CHLD);
  call4(__NR_rt_sigprocmask, SIG_BLOCK_HOW, (long)&set, 0, sizeof set);
  for (;;) {
    long number = call4(__NR_rt_sigtimedwait, (long)&set, 0, 0, sizeof set);
    if (number == SIG_INT || number == SIG_TERM) call4(__NR_exit_group, 0, 0, 0, 0);
    while (call4(__NR_wait4, -1, 0, WAIT_NOHANG, 0) > 0) {
    }
  }
}

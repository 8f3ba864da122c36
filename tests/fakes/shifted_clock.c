// Preloaded into a program, whose wall clock then leads the machine's by as many seconds as the file that SHIFTED_CLOCK
// names holds, from one reading to the next. The other clocks stay as they are.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result != 0 || clock != CLOCK_REALTIME) return result;
  const char* path = getenv("SHIFTED_CLOCK");
  FILE* file = path == NULL ? NULL : fopen(path, "re");
  if (file == NULL) return result;
  char text[32];
  if (fgets(text, sizeof(text), file) != NULL) now->tv_sec += strtol(text, NULL, 10);
  fclose(file);
  return result;
}

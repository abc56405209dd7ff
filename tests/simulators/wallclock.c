/* Preloaded into a program, lets it see a wall clock that a test can set. Intervals stay true.

   The file named in $WALL_CLOCK holds nanoseconds to be added to the real time, and
   whether the kernel says that the clock is synchronised; both may change at any moment. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND = 1000000000;

static volatile struct shown {
    int64_t ahead_ns;
    int64_t synchronised;
} *shown;

__attribute__((constructor)) static void map_the_file(void)
{
    const char *path = getenv("WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    shown = mmap(NULL, sizeof *shown, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (shown == MAP_FAILED)
        abort();
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    int failed = syscall(SYS_clock_gettime, id, time);
    if (!failed && shown && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ns = time->tv_sec * SECOND + time->tv_nsec + shown->ahead_ns;
        time->tv_sec = ns / SECOND;
        time->tv_nsec = ns % SECOND;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds)
        *seconds = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *state)
{
    state->status = shown->synchronised ? 0 : STA_UNSYNC;
    return shown->synchronised ? TIME_OK : TIME_ERROR;
}

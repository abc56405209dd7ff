/* Preloaded into a program, lets the disk below one folder fail, and writes down what is done to it.

   $DISK_FOLDER is that folder; what lies in its runtime directory $DISK_RUNTIME is left alone.
   The file $DISK_ORDERS, while there is one, has lines such as "write EIO": which calls fail, and how.
   $DISK_TRACE takes every change in the order in which it was made, and every fsync; disk_trace.py reads it.
   Between them stands what the program told others meanwhile: its standard output, and what it sent to sockets.
   SQLite's shared memory is left alone too: it lives in the memory of the kernel, and no power cut leaves it. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static const char *folder, *runtime, *orders;
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char *open_files[FILES]; /* the paths of those that lie below the folder */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DISK_TRACE");
    folder = getenv("DISK_FOLDER");
    runtime = getenv("DISK_RUNTIME");
    orders = getenv("DISK_ORDERS");
    if (!folder)
        abort();
    if (path)
        trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int below(const char *path, const char *place)
{
    size_t length = place ? strlen(place) : 0;
    return length && !strncmp(path, place, length) && (path[length] == '/' || !path[length]);
}

/* The absolute path of *path* when it lies on the disk, else NULL; *whole* is where it is put together. */
static const char *on_disk(int at, const char *path, char whole[PATH_MAX])
{
    if (!path)
        return NULL;
    if (path[0] != '/') {
        char link[64], base[PATH_MAX];
        ssize_t length;
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        length = readlink(link, base, sizeof base - 1);
        if (length < 0)
            return NULL;
        base[length] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return NULL;
        path = whole;
    }
    if (strlen(path) > 4 && !strcmp(path + strlen(path) - 4, "-shm"))
        return NULL;
    return below(path, folder) && !below(path, runtime) ? path : NULL;
}

static const char *file_of(int file)
{
    return file >= 0 && file < FILES ? open_files[file] : NULL;
}

static int error_named(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EIO", EIO}, {"EROFS", EROFS}, {"ENOSPC", ENOSPC}, {"ENODEV", ENODEV}, {"EACCES", EACCES}};
    for (size_t at = 0; at < sizeof errors / sizeof *errors; at++)
        if (!strcmp(errors[at].name, name))
            return errors[at].number;
    abort();
}

/* Whether *operation* is to fail now; errno says how. */
static int fails(const char *operation)
{
    char text[512], *line, *rest = text;
    ssize_t length;
    int file = orders ? syscall(SYS_openat, AT_FDCWD, orders, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    length = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    text[length > 0 ? length : 0] = 0;
    while ((line = strsep(&rest, "\n"))) {
        char *name = strchr(line, ' ');
        if (!name)
            continue;
        *name++ = 0;
        if (!strcmp(line, operation)) {
            errno = error_named(name);
            return 1;
        }
    }
    return 0;
}

/* One change: its letter, two numbers, and a path or data; see disk_trace.py. */
static void note(char what, int64_t first, int64_t second, const void *data, size_t size)
{
    int before = errno;
    struct __attribute__((packed)) {
        char what;
        int64_t first, second, size;
    } head = {what, first, second, (int64_t)size};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, size}};
    if (trace >= 0 && syscall(SYS_writev, trace, parts, 2) < 0)
        abort();
    errno = before;
}

static void note_path(char what, int64_t first, int64_t second, const char *path)
{
    note(what, first, second, path, strlen(path));
}

static void note_two(char what, const char *old, const char *new)
{
    char both[2 * PATH_MAX];
    int length = snprintf(both, sizeof both, "%s%c%s", old, 0, new);
    note(what, 0, 0, both, length);
}

static int opened(int at, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    const char *where = on_disk(at, path, whole);
    int file, is_new;
    if (!where)
        return syscall(SYS_openat, at, path, flags, mode);
    if (fails("open"))
        return -1;
    pthread_mutex_lock(&lock);
    is_new = syscall(SYS_faccessat, at, path, F_OK) != 0;
    file = syscall(SYS_openat, at, path, flags, mode);
    if (file >= FILES)
        abort();
    if (file >= 0) {
        free(open_files[file]);
        open_files[file] = strdup(where);
        note_path('o', file, is_new | (flags & O_TRUNC ? 2 : 0), where);
    }
    pthread_mutex_unlock(&lock);
    return file;
}

#define OPEN(at, path) \
    { \
        va_list more; \
        mode_t mode = 0; \
        va_start(more, flags); \
        if (flags & (O_CREAT | __O_TMPFILE)) \
            mode = va_arg(more, mode_t); \
        va_end(more); \
        return opened(at, path, flags, mode); \
    }

int open(const char *path, int flags, ...) OPEN(AT_FDCWD, path)
int open64(const char *path, int flags, ...) OPEN(AT_FDCWD, path)
int openat(int at, const char *path, int flags, ...) OPEN(at, path)
int openat64(int at, const char *path, int flags, ...) OPEN(at, path)

int close(int file)
{
    pthread_mutex_lock(&lock);
    if (file_of(file)) {
        note('c', file, 0, "", 0);
        free(open_files[file]);
        open_files[file] = NULL;
    }
    pthread_mutex_unlock(&lock);
    return syscall(SYS_close, file);
}

static ssize_t written(int file, const void *data, size_t size, off_t offset, int follows)
{
    ssize_t done;
    if (fails("write"))
        return -1;
    pthread_mutex_lock(&lock);
    if (follows) {
        int flags = syscall(SYS_fcntl, file, F_GETFL);
        offset = syscall(SYS_lseek, file, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
        done = syscall(SYS_write, file, data, size);
    } else {
        done = syscall(SYS_pwrite64, file, data, size, offset);
    }
    if (done > 0)
        note('w', file, offset, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int file, const void *data, size_t size)
{
    if (file_of(file))
        return written(file, data, size, 0, 1);
    if (file == STDOUT_FILENO)
        note('n', file, 0, data, size);
    return syscall(SYS_write, file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
    return file_of(file) ? written(file, data, size, offset, 0) : syscall(SYS_pwrite64, file, data, size, offset);
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t offset)
{
    return pwrite(file, data, size, offset);
}

ssize_t send(int file, const void *data, size_t size, int flags)
{
    note('n', file, 0, data, size); /* before it goes out: what is told must be on the disk by now */
    return syscall(SYS_sendto, file, data, size, flags, NULL, 0);
}

ssize_t pread(int file, void *data, size_t size, off_t offset)
{
    if (file_of(file) && fails("read"))
        return -1;
    return syscall(SYS_pread64, file, data, size, offset);
}

ssize_t pread64(int file, void *data, size_t size, off_t offset)
{
    return pread(file, data, size, offset);
}

ssize_t read(int file, void *data, size_t size)
{
    if (file_of(file) && fails("read"))
        return -1;
    return syscall(SYS_read, file, data, size);
}

static int synced(int file, long call)
{
    int failed;
    if (file_of(file) && fails("sync"))
        return -1;
    failed = syscall(call, file);
    if (!failed && file_of(file))
        note('s', file, 0, "", 0);
    return failed;
}

int fsync(int file)
{
    return synced(file, SYS_fsync);
}

int fdatasync(int file)
{
    return synced(file, SYS_fdatasync);
}

int ftruncate(int file, off_t size)
{
    int failed;
    if (!file_of(file))
        return syscall(SYS_ftruncate, file, size);
    if (fails("write"))
        return -1;
    pthread_mutex_lock(&lock);
    failed = syscall(SYS_ftruncate, file, size);
    if (!failed)
        note('t', file, size, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate64(int file, off_t size)
{
    return ftruncate(file, size);
}

int truncate(const char *path, off_t size)
{
    int file = open(path, O_WRONLY | O_CLOEXEC), failed = file < 0 ? -1 : ftruncate(file, size);
    if (file >= 0)
        close(file);
    return failed;
}

int truncate64(const char *path, off_t size)
{
    return truncate(path, size);
}

int rename(const char *old, const char *new)
{
    char whole[PATH_MAX], other[PATH_MAX];
    const char *from = on_disk(AT_FDCWD, old, whole), *to = on_disk(AT_FDCWD, new, other);
    int failed;
    if (from && fails("write"))
        return -1;
    pthread_mutex_lock(&lock);
    failed = syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    if (!failed && from && to)
        note_two('r', from, to);
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *path)
{
    char whole[PATH_MAX];
    const char *where = on_disk(AT_FDCWD, path, whole);
    int failed;
    if (where && fails("write"))
        return -1;
    pthread_mutex_lock(&lock);
    failed = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!failed && where)
        note_path('u', 0, 0, where);
    pthread_mutex_unlock(&lock);
    return failed;
}

int mkdir(const char *path, mode_t mode)
{
    char whole[PATH_MAX];
    const char *where = on_disk(AT_FDCWD, path, whole);
    int failed;
    if (where && fails("write"))
        return -1;
    failed = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (!failed && where)
        note_path('d', 0, 0, where);
    return failed;
}

/* What only looks. */

static int unseen(int at, const char *path)
{
    char whole[PATH_MAX];
    return path && path[0] && on_disk(at, path, whole) && fails("look");
}

#define LOOK(name, parameters, at, path, ...) \
    int name parameters \
    { \
        REAL(name); \
        return unseen(at, path) ? -1 : real(__VA_ARGS__); \
    }

LOOK(stat, (const char *path, struct stat *found), AT_FDCWD, path, path, found)
LOOK(stat64, (const char *path, struct stat64 *found), AT_FDCWD, path, path, found)
LOOK(lstat, (const char *path, struct stat *found), AT_FDCWD, path, path, found)
LOOK(lstat64, (const char *path, struct stat64 *found), AT_FDCWD, path, path, found)
/* What programs call that were built for an older C library, as the wheel of apsw was. */
int __xstat64(int, const char *, struct stat64 *);
int __lxstat64(int, const char *, struct stat64 *);
LOOK(__xstat64, (int version, const char *path, struct stat64 *found), AT_FDCWD, path, version, path, found)
LOOK(__lxstat64, (int version, const char *path, struct stat64 *found), AT_FDCWD, path, version, path, found)
LOOK(fstatat, (int at, const char *path, struct stat *found, int flags), at, path, at, path, found, flags)
LOOK(fstatat64, (int at, const char *path, struct stat64 *found, int flags), at, path, at, path, found, flags)
LOOK(statvfs, (const char *path, struct statvfs *found), AT_FDCWD, path, path, found)
LOOK(statvfs64, (const char *path, struct statvfs64 *found), AT_FDCWD, path, path, found)
LOOK(access, (const char *path, int mode), AT_FDCWD, path, path, mode)

DIR *opendir(const char *path)
{
    REAL(opendir);
    return unseen(AT_FDCWD, path) ? NULL : real(path);
}

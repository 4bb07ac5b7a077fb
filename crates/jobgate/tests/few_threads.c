/* Lets a process make so many threads in all and no more, by LD_PRELOAD: FEW_THREADS says how many. A limit of the system's own
 * does not bind root, as whom tests may run. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_long made;

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *with) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    const char *limit = getenv("FEW_THREADS");
    if (limit && atomic_fetch_add(&made, 1) >= atol(limit)) return EAGAIN;
    return real(thread, how, run, with);
}

// SPDX-License-Identifier: MIT
/*
 * The same operations in C, as the yardstick of the benchmark table. Written like the TypeScript: same words, same steps,
 * sequentially consistent atomics, plain lists.
 *
 * Build: cc -O2 -pthread reference.c -o reference.   Run: ./reference ROUNDS   prints one JSON object a line:
 * {"name": "...", "ns": [a figure per round]}
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE __attribute__((aligned(128)))
#define NOINLINE __attribute__((noinline))
typedef _Atomic uint32_t word;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- intrusive list, plain */

struct list { struct list *next, *prev; };

static void list_init(struct list *head) { head->next = head->prev = head; }
static int list_empty(const struct list *head) { return head->next == head; }

static void list_add_tail(struct list *node, struct list *head)
{
    struct list *last = head->prev;
    head->prev = node;
    node->next = head;
    node->prev = last;
    last->next = node;
}

static void list_del(struct list *node)
{
    struct list *prev = node->prev, *next = node->next;
    next->prev = prev;
    prev->next = next;
}

static void list_splice_init(struct list *list, struct list *head)
{
    if (list_empty(list)) return;
    struct list *first = list->next, *last = list->prev, *at = head->next;
    first->prev = head;
    head->next = first;
    last->next = at;
    at->prev = last;
    list_init(list);
}

/* ---- test-and-set lock */

struct spinlock { word held; };

static void spin_lock(struct spinlock *lock)
{
    for (;;) {
        uint32_t free = 0;
        if (atomic_compare_exchange_strong(&lock->held, &free, 1)) return;
        while (atomic_load(&lock->held)) { }
    }
}

static void spin_unlock(struct spinlock *lock) { atomic_store(&lock->held, 0); }

/* ---- the machine: one CPU's words */

enum { SOFTIRQ_TASKLET = 4, SOFTIRQ_DPCI = 10, SOFTIRQS = 16 };
enum { SCHED = 1, RUN = 2, QUEUED = 4 };

struct domain { word references; struct spinlock event_lock LINE; volatile uint32_t delivered; };
struct dpci { struct domain *domain; word state; uint32_t masked; struct list node; };
struct tasklet { struct list node; int scheduled_on, running, dead; void (*fn)(void *); void *data; };
struct cpu { word pending LINE; volatile uint32_t irq_enabled; uint32_t offline; struct list dpci, tasklets; };

static struct cpu cpu;
static struct spinlock tasklet_lock LINE;
static struct domain domain LINE;
static struct dpci record LINE;
static struct tasklet tasklet LINE;
static void (*softirq[SOFTIRQS])(void);

static uint32_t irq_save(void) { uint32_t flags = cpu.irq_enabled; cpu.irq_enabled = 0; return flags; }
static void irq_restore(uint32_t flags) { cpu.irq_enabled = flags; }
static void raise_softirq(int nr) { atomic_fetch_or(&cpu.pending, 1u << nr); }

NOINLINE static void do_softirq(void)
{
    for (;;) {
        uint32_t pending = atomic_load(&cpu.pending);
        if (pending == 0 || cpu.offline) return;
        int nr = __builtin_ctz(pending);
        atomic_fetch_and(&cpu.pending, ~(1u << nr));
        softirq[nr]();
    }
}

/* ---- passthrough interrupt by softirq: SCHED, RUN, QUEUED */

NOINLINE static void dpci_schedule(struct dpci *p)
{
    p->masked = 1;
    uint32_t old = atomic_fetch_or(&p->state, SCHED | QUEUED);
    if (!(old & SCHED)) atomic_fetch_add(&p->domain->references, 1);
    if (old & QUEUED) return;
    uint32_t flags = irq_save();
    list_add_tail(&p->node, &cpu.dpci);
    irq_restore(flags);
    raise_softirq(SOFTIRQ_DPCI);
}

NOINLINE static void assist(struct dpci *p)
{
    struct domain *d = p->domain;
    spin_lock(&d->event_lock);
    if (p->masked) { p->masked = 0; d->delivered++; }
    spin_unlock(&d->event_lock);
}

NOINLINE static void dpci_softirq(void)
{
    struct list mine;
    list_init(&mine);
    cpu.irq_enabled = 0;
    list_splice_init(&cpu.dpci, &mine);
    cpu.irq_enabled = 1;
    while (!list_empty(&mine)) {
        struct dpci *p = (struct dpci *)((char *)mine.next - offsetof(struct dpci, node));
        list_del(&p->node);
        atomic_fetch_and(&p->state, ~QUEUED);
        if (atomic_fetch_or(&p->state, RUN) & RUN) abort();
        if (atomic_fetch_and(&p->state, ~SCHED) & SCHED) {
            assist(p);
            if (atomic_fetch_sub(&p->domain->references, 1) == 1) abort();
        }
        atomic_fetch_and(&p->state, ~RUN);
    }
}

/* ---- the same by tasklet, under the one lock */

static void tasklet_enqueue(struct tasklet *t)
{
    int was_empty = list_empty(&cpu.tasklets);
    list_add_tail(&t->node, &cpu.tasklets);
    if (was_empty) raise_softirq(SOFTIRQ_TASKLET);
}

NOINLINE static void tasklet_schedule(struct tasklet *t)
{
    uint32_t flags = irq_save();
    spin_lock(&tasklet_lock);
    if (!t->dead) {
        t->scheduled_on = 0;
        if (!t->running) { list_del(&t->node); tasklet_enqueue(t); }
    }
    spin_unlock(&tasklet_lock);
    irq_restore(flags);
}

NOINLINE static void tasklet_softirq(void)
{
    cpu.irq_enabled = 0;
    spin_lock(&tasklet_lock);
    if (!list_empty(&cpu.tasklets)) {
        struct tasklet *t = (struct tasklet *)cpu.tasklets.next;
        list_del(&t->node);
        list_init(&t->node);
        t->scheduled_on = -1;
        t->running = 1;
        spin_unlock(&tasklet_lock);
        cpu.irq_enabled = 1;
        t->fn(t->data);
        cpu.irq_enabled = 0;
        spin_lock(&tasklet_lock);
        t->running = 0;
        if (t->scheduled_on >= 0) tasklet_enqueue(t);
    }
    if (!list_empty(&cpu.tasklets)) raise_softirq(SOFTIRQ_TASKLET);
    spin_unlock(&tasklet_lock);
    cpu.irq_enabled = 1;
}

static void tasklet_assist(void *data) { ((struct dpci *)data)->masked = 1; assist(data); }

/* ---- measuring */

#define MEASURE(name, count, body) do {                                                      \
    for (int i = 0; i < (count) / 4; i++) { body; }                                          \
    printf("{\"name\": \"%s\", \"ns\": [", name);                                            \
    for (int round = 0; round < rounds; round++) {                                           \
        uint64_t start = now_ns();                                                           \
        for (int i = 0; i < (count); i++) { body; }                                          \
        printf("%s%.3f", round ? ", " : "", (double)(now_ns() - start) / (count));           \
    }                                                                                        \
    printf("]}\n");                                                                          \
    fflush(stdout);                                                                          \
} while (0)

#define KEEP() __asm__ volatile("" ::: "memory")

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 9;
    static word bits LINE;
    static struct spinlock lock LINE;
    static struct list head LINE, nodes[8];
    list_init(&head);
    list_init(&cpu.dpci);
    list_init(&cpu.tasklets);
    list_init(&tasklet.node);
    cpu.irq_enabled = 1;
    domain.references = 1;
    record.domain = &domain;
    tasklet.fn = tasklet_assist;
    tasklet.data = &record;
    softirq[SOFTIRQ_DPCI] = dpci_softirq;
    softirq[SOFTIRQ_TASKLET] = tasklet_softirq;
    MEASURE("lock", 2000000, { spin_lock(&lock); spin_unlock(&lock); });
    MEASURE("bits", 2000000, { atomic_fetch_or(&bits, 8u); atomic_fetch_and(&bits, ~8u); });
    MEASURE("list", 2000000, { struct list *n = &nodes[i & 7]; list_add_tail(n, &head); KEEP(); list_del(n); KEEP(); });
    MEASURE("dpci", 1000000, { dpci_schedule(&record); do_softirq(); });
    MEASURE("tasklet", 1000000, { tasklet_schedule(&tasklet); do_softirq(); });
    return domain.delivered == 0;
}

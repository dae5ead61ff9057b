// SPDX-License-Identifier: MIT
/*
 * The same operations in C, as the yardstick of the benchmark table. Written like the TypeScript: the same words, the same
 * steps in the same order, sequentially consistent atomics, plain lists whose removed nodes are poisoned.
 *
 * Build: cc -O2 reference.c -o reference.   It reads lines "NAME COUNT" and answers each with the ns that COUNT turns took.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void list_unlink(struct list *node)
{
    struct list *prev = node->prev, *next = node->next;
    next->prev = prev;
    prev->next = next;
}

static void list_del(struct list *node)
{
    list_unlink(node);
    node->next = (struct list *)0x11;
    node->prev = (struct list *)0x22;
}

/* ---- bits of a word */

static uint32_t test_and_set_bit(int nr, word *at) { return atomic_fetch_or(at, 1u << nr) >> nr & 1; }
static uint32_t test_and_clear_bit(int nr, word *at) { return atomic_fetch_and(at, ~(1u << nr)) >> nr & 1; }

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

enum { SOFTIRQ_TASKLET = 4, SOFTIRQ_DPCI = 10, SOFTIRQS = 32 };

struct domain { word references; struct spinlock event_lock LINE; };
struct dpci { struct domain *domain; word state; uint32_t flags; struct dpci *next; };
struct tasklet { struct list node; int scheduled_on, running, dead; void (*fn)(void *); void *data; };
struct cpu {
    volatile uint32_t irq_enabled, irq_nesting, online;
    struct dpci *head, *tail;
    struct list tasklets;
    uint32_t runs[SOFTIRQS];
    volatile uint32_t vectors LINE;
    word pending LINE;
};

static struct cpu cpu;
static struct spinlock tasklet_lock LINE;
static struct domain domain LINE;
static struct dpci record LINE;
static struct tasklet tasklet LINE;
static void (*softirq[SOFTIRQS])(int);

static void irq_disable(void) { cpu.irq_enabled = 0; }
static void irq_enable(void) { cpu.irq_enabled = 1; if (cpu.vectors != 0) abort(); }
static uint32_t irq_save(void) { uint32_t flags = cpu.irq_enabled; cpu.irq_enabled = 0; return flags; }
static void irq_restore(uint32_t flags) { cpu.irq_enabled = flags; if (flags != 0 && cpu.vectors != 0) abort(); }
static void raise_softirq(int nr) { test_and_set_bit(nr, &cpu.pending); }

NOINLINE static void do_softirq(void)
{
    if (cpu.irq_nesting != 0 || cpu.irq_enabled == 0) abort();
    for (;;) {
        uint32_t pending = atomic_load(&cpu.pending);
        if (pending == 0 || !cpu.online) return;
        int nr = __builtin_ctz(pending);
        test_and_clear_bit(nr, &cpu.pending);
        cpu.runs[nr]++;
        softirq[nr](nr);
    }
}

static void domain_get(struct domain *d) { if ((int)atomic_fetch_add(&d->references, 1) <= 0) abort(); }
static void domain_put(struct domain *d) { if ((int)atomic_fetch_sub(&d->references, 1) <= 1) abort(); }

/* ---- passthrough interrupt by softirq */

enum { SCHED = 1, RUN = 2, QUEUED = 4, MASKED_BIT = 3, MASKED = 1 << MASKED_BIT };
enum { GUEST_MSI = 32 };
#define LAST ((struct dpci *)1)

static void link_and_raise(struct dpci *p)
{
    struct dpci *tail = cpu.tail;
    p->next = LAST;
    cpu.tail = p;
    if (tail != NULL) { tail->next = p; return; }
    cpu.head = p;
    raise_softirq(SOFTIRQ_DPCI);
}

NOINLINE static void dpci_schedule(struct dpci *p)
{
    uint32_t before = atomic_fetch_or(&p->state, SCHED | QUEUED | MASKED);
    if (!(before & SCHED)) domain_get(p->domain);
    if (!(before & QUEUED)) link_and_raise(p);
}

/* The record is not bound, here and there: both cycles end where the guest's interrupt controller would begin. */
NOINLINE static void assist(struct dpci *p)
{
    struct domain *d = p->domain;
    spin_lock(&d->event_lock);
    if (test_and_clear_bit(MASKED_BIT, &p->state) && (p->flags & GUEST_MSI)) abort();
    spin_unlock(&d->event_lock);
}

static void serve(struct dpci *p)
{
    uint32_t before = SCHED | QUEUED | MASKED;
    for (;;) {
        if (before & RUN) abort();
        if (atomic_compare_exchange_strong(&p->state, &before, (before & MASKED) | RUN)) break;
    }
    if (before & SCHED) {
        assist(p);
        domain_put(p->domain);
    }
    atomic_fetch_and(&p->state, ~(uint32_t)RUN);
}

NOINLINE static void dpci_softirq(int nr)
{
    (void)nr;
    irq_disable();
    struct dpci *p = cpu.head;
    cpu.head = NULL;
    cpu.tail = NULL;
    irq_enable();
    while (p != NULL) {
        struct dpci *next = p->next;
        p->next = NULL;
        serve(p);
        p = next == LAST ? NULL : next;
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
        if (!t->running) { list_unlink(&t->node); tasklet_enqueue(t); }
    }
    spin_unlock(&tasklet_lock);
    irq_restore(flags);
}

NOINLINE static void tasklet_softirq(int nr)
{
    (void)nr;
    cpu.irq_enabled = 0;
    spin_lock(&tasklet_lock);
    if (!list_empty(&cpu.tasklets)) {
        struct tasklet *t = (struct tasklet *)cpu.tasklets.next;
        list_unlink(&t->node);
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

static void tasklet_assist(void *data) { assist(data); }

/* ---- measuring */

#define KEEP() __asm__ volatile("" ::: "memory")
#define TURNS(name, body) static void name(int count) { for (int i = 0; i < count; i++) { body } }

static word bits LINE;
static uint32_t found;
static struct spinlock lock LINE;
static struct list head LINE, nodes[8];

TURNS(turn_lock, { spin_lock(&lock); spin_unlock(&lock); })
TURNS(turn_bits, { found += test_and_set_bit(3, &bits) + test_and_clear_bit(3, &bits); })
TURNS(turn_list, { struct list *n = &nodes[i & 7]; list_add_tail(n, &head); KEEP(); list_del(n); KEEP(); })
TURNS(turn_dpci, { irq_disable(); dpci_schedule(&record); irq_enable(); do_softirq(); })
TURNS(turn_tasklet, {
    irq_disable();
    atomic_fetch_or(&record.state, MASKED);
    tasklet_schedule(&tasklet);
    irq_enable();
    do_softirq();
})

static const struct { const char *name; void (*run)(int count); } turns[] = {
    { "lock", turn_lock }, { "bits", turn_bits }, { "list", turn_list }, { "dpci", turn_dpci }, { "tasklet", turn_tasklet },
};

/* Turns that are not timed have gone before: who asks does so. */
static void answer(const char *name, int count)
{
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        if (strcmp(turns[i].name, name) != 0) continue;
        uint64_t start = now_ns();
        turns[i].run(count);
        printf("%llu\n", (unsigned long long)(now_ns() - start));
        fflush(stdout);
    }
}

int main(void)
{
    char name[16];
    int count;
    list_init(&head);
    list_init(&cpu.tasklets);
    list_init(&tasklet.node);
    cpu.irq_enabled = 1;
    cpu.online = 1;
    domain.references = 1;
    record.domain = &domain;
    tasklet.fn = tasklet_assist;
    tasklet.data = &record;
    softirq[SOFTIRQ_DPCI] = dpci_softirq;
    softirq[SOFTIRQ_TASKLET] = tasklet_softirq;
    while (scanf("%15s %d", name, &count) == 2) answer(name, count);
    return 0;
}

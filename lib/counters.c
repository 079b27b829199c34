/* counters.c - connections counted over all gates in shared memory */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "counters.h"
#include "siphash.h"

/*
 * A gate with 60,000 addresses at once has seven in a set on average; that one of its sets is
 * full then has a chance of about one in a hundred. A full set refuses the newcomer.
 */
enum { SETS = 8192, WAYS = 16 };
#define SIZE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

/* Only the owner writes; relaxed reads by others may be a moment old. */
struct set {
	_Atomic uint64_t key[WAYS]; /* 0: free */
	_Atomic uint32_t count[WAYS];
};
struct part {
	_Atomic uint32_t total;
	uint8_t pad[60];
	struct set sets[SETS];
};
struct counters_memory {
	uint8_t key[SIPHASH_KEY_SIZE];
	uint32_t gates;
	uint8_t pad[44];
	struct part parts[];
};

size_t
counters_size(unsigned gates)
{
	assert(gates <= COUNTERS_GATES_MAX);
	return sizeof(struct counters_memory) + gates * sizeof(struct part);
}

int
counters_new(unsigned gates, struct err *e)
{
	struct counters_memory head = { .gates = gates };
	int fd;

	if ((fd = memfd_create("counters", MFD_CLOEXEC | MFD_ALLOW_SEALING)) == -1)
		return err_sys(e, errno, "memory for counters");
	if (getrandom(head.key, sizeof(head.key), 0) != (ssize_t)sizeof(head.key) ||
	    ftruncate(fd, (off_t)counters_size(gates)) == -1 ||
	    write(fd, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    fcntl(fd, F_ADD_SEALS, SIZE_SEALS) == -1) {
		err_sys(e, errno, "memory for counters");
		close(fd);
		return -1;
	}
	return fd;
}

int
counters_map(int fd, unsigned gates, unsigned own, struct counters *c, struct err *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct counters_memory *mem;
	size_t size;

	if (gates == 0 || gates > COUNTERS_GATES_MAX || own > gates)
		return err_set(e, ERR_PEER, "counters: gate %u of %u", own, gates);
	size = counters_size(gates);
	/* memory that shrinks under us would end us with SIGBUS */
	if (seals == -1 || (seals & SIZE_SEALS) != SIZE_SEALS ||
	    lseek(fd, 0, SEEK_END) != (off_t)size)
		return err_set(e, ERR_PEER, "counters: not the memory for %u gates", gates);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return err_sys(e, errno, "map counters");
	if (mem->gates != gates) {
		(void)munmap(mem, size);
		return err_set(e, ERR_PEER, "counters: not the memory for %u gates", gates);
	}
	*c = (struct counters){ .mem = mem, .gates = gates, .own = own };
	return 0;
}

void
counters_unmap(struct counters *c)
{
	if (c->mem != NULL)
		(void)munmap(c->mem, counters_size(c->gates));
	*c = (struct counters){ 0 };
}

uint64_t
counters_key(const struct counters *c, const struct sockaddr_storage *ss)
{
	uint8_t b[1 + 8 + 4] = { 0 };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint64_t h;

	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		b[0] = 4;
		memcpy(b + 1, &in.sin_addr, 4);
	} else {
		memcpy(&in6, ss, sizeof(in6));
		b[0] = 6;
		memcpy(b + 1, &in6.sin6_addr, 8);
		memcpy(b + 9, &in6.sin6_scope_id, 4);
	}
	h = siphash(c->mem->key, b, sizeof(b));
	return h == 0 ? 1 : h;
}

uint64_t
counters_total(const struct counters *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->gates; i++)
		n += atomic_load(&c->mem->parts[i].total);
	return n;
}

uint64_t
counters_address(const struct counters *c, uint64_t key)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->gates; i++) {
		struct set *s = &c->mem->parts[i].sets[key % SETS];

		for (size_t k = 0; k < WAYS; k++)
			if (atomic_load(&s->key[k]) == key)
				n += atomic_load(&s->count[k]);
	}
	return n;
}

/* Sequentially consistent: of two gates that add and then look, one at least sees both. */
int
counters_add(struct counters *c, uint32_t max)
{
	assert(c->own < c->gates);
	atomic_fetch_add(&c->mem->parts[c->own].total, 1);
	if (counters_total(c) <= max)
		return 0;
	counters_drop(c);
	return -1;
}

void
counters_drop(struct counters *c)
{
	atomic_fetch_sub(&c->mem->parts[c->own].total, 1);
}

/* The own slot of this address; with `make`, a free one if there is none. */
static size_t
own_slot(const struct counters *c, uint64_t key, int make)
{
	struct set *s = &c->mem->parts[c->own].sets[key % SETS];
	size_t unused = WAYS;

	for (size_t k = 0; k < WAYS; k++) {
		uint64_t there = atomic_load(&s->key[k]);

		if (there == key)
			return k;
		if (there == 0 && unused == WAYS)
			unused = k;
	}
	if (!make)
		return WAYS;
	if (unused < WAYS) {
		atomic_store(&s->count[unused], 0);
		atomic_store(&s->key[unused], key);
	}
	return unused;
}

int
counters_add_address(struct counters *c, uint64_t key, uint32_t max)
{
	struct set *s = &c->mem->parts[c->own].sets[key % SETS];
	size_t k;

	assert(c->own < c->gates);
	if ((k = own_slot(c, key, 1)) == WAYS)
		return -1;
	atomic_fetch_add(&s->count[k], 1);
	if (counters_address(c, key) <= max)
		return 0;
	counters_drop_address(c, key);
	return -1;
}

void
counters_drop_address(struct counters *c, uint64_t key)
{
	struct set *s = &c->mem->parts[c->own].sets[key % SETS];
	size_t k = own_slot(c, key, 0);

	if (k == WAYS)
		return;
	if (atomic_fetch_sub(&s->count[k], 1) <= 1)
		atomic_store(&s->key[k], 0);
}

void
counters_wipe(struct counters_memory *mem, unsigned gate)
{
	struct part *p;

	assert(gate < mem->gates);
	p = &mem->parts[gate];
	atomic_store(&p->total, 0);
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++) {
			/* reading first keeps pages that were never used unused */
			if (atomic_load(&p->sets[i].key[k]) != 0)
				atomic_store(&p->sets[i].key[k], 0);
		}
}

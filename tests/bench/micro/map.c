/* map.c - how long the identity map takes to find a rule: 10 literal rules beside 100,000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "idmap.h"

#define LOOKUPS 1000000
#define ROUNDS	7

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	(void)fprintf(stderr, "bench-map: %s\n", what);
	exit(1);
}

static struct idmap *
make_map(size_t rules, double *seconds)
{
	static const char *const sections[] = { "corp" };
	const struct idmap_config c = {
		.sections = sections, .nsections = 1, .capture_min_uid = 1000
	};
	char *text = malloc(rules * 64), *p = text;
	struct err e = { 0 };
	struct idmap *map;
	double from;

	if (text == NULL)
		die("out of memory");
	for (size_t i = 0; i < rules; i++)
		p += sprintf(p, "email user%zu@corp.example account%zu\n", i, i);
	from = now();
	if ((map = idmap_parse("map", (uint8_t *)text, (size_t)(p - text), &c, &e)) == NULL)
		die(e.text);
	*seconds = now() - from;
	free(text);
	return map;
}

/* One question in the manner of PAM's: may this identity use this account? Seconds. */
static double
ask(const struct idmap *map, size_t rules)
{
	enum { PEOPLE = 10 };
	static const char *const sections[] = { "corp" };
	struct identity *id[PEOPLE];
	char account[PEOPLE][32], email[64];
	struct idmap_rule_info info;
	struct err e = { 0 };
	double from;

	for (size_t i = 0; i < PEOPLE; i++) {
		size_t who = i * rules / PEOPLE;

		(void)snprintf(email, sizeof(email), "user%zu@corp.example", who);
		(void)snprintf(account[i], sizeof(account[i]), "account%zu", who);
		if ((id[i] = identity_new()) == NULL ||
		    identity_add(id[i], ID_EMAIL, email, strlen(email), &e) == -1)
			die("identity");
	}
	from = now();
	for (size_t i = 0; i < LOOKUPS; i++) {
		const struct idmap_query q = { .id = id[i % PEOPLE],
			.sections = sections,
			.nsections = 1,
			.account = account[i % PEOPLE],
			.has_uid = true,
			.uid = 1000,
			.service = "sshd" };

		if (idmap_who(map, &q, &info) != IDMAP_YES)
			die("a rule was not found");
	}
	from = now() - from;
	for (size_t i = 0; i < PEOPLE; i++)
		identity_free(id[i]);
	return from / LOOKUPS;
}

int
main(void)
{
	double few_read, many_read, few = 1e9, many = 1e9;
	struct idmap *small = make_map(10, &few_read), *large = make_map(100000, &many_read);

	/* in turn, so that both see the same machine */
	for (int i = 0; i < ROUNDS; i++) {
		double a = ask(small, 10), b = ask(large, 100000);

		few = a < few ? a : few;
		many = b < many ? b : many;
	}
	(void)printf("%-20s %10s %12s\n", "literal rules", "read", "lookup");
	(void)printf("%-20d %8.4f s %9.3f us\n", 10, few_read, few * 1e6);
	(void)printf("%-20d %8.4f s %9.3f us\n", 100000, many_read, many * 1e6);
	(void)printf("ratio %.2f (goal: 1 +- 0.2)\n", many / few);
	idmap_free(small);
	idmap_free(large);
	return 0;
}

/* test_open.c - OPEN and CLOSED as a gate sends them, to the real process */
#include "tests/unit/sshbridge/ident/open_help.h"

static void
open_gives_the_socket_and_one_line(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(7);
	uint64_t conn;
	char id[40], byte;
	const char *line;
	int fd, far, on = 0;
	socklen_t n = sizeof(on);

	stage_open_send(b->gate, &a);
	fd = stage_opened(b->gate, 7, &conn);
	far = accept(b->listener, NULL, NULL);
	line = stage_log(&b->p, "opened");
	(void)snprintf(id, sizeof(id), "conn=%016llx", (unsigned long long)conn);
	assert_non_null(strstr(line, id));
	assert_non_null(strstr(line, "identity=corp/email:alice@corp.example"));
	assert_non_null(strstr(line, "from=192.0.2.7:50000"));
	assert_non_null(strstr(line, "sections=corp"));
	assert_non_null(strstr(line, "via=127."));
	assert_int_equal(1, send(fd, "x", 1, 0));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n));
	assert_int_equal(1, on);
	assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &n));
	assert_int_equal(1, on);
	assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &n));
	assert_int_equal(0, on);
	stage_closed(b->gate, conn, 7);
	line = stage_log(&b->p, "closed");
	assert_non_null(strstr(line, id));
	assert_non_null(strstr(line, "bytes-in=11 bytes-out=22"));
	assert_non_null(strstr(line, "why=\"client left\""));
	/* shut down, although this end is still open */
	assert_int_equal(0, recv(far, &byte, 1, 0));
	close(fd);
	close(far);
}

static void
source_is_the_identitys_own_and_in_the_range(void **state)
{
	struct bench *b = *state;
	uint32_t first = 0, other;
	uint16_t port;
	uint64_t conn[3];
	int fd[3], far[3];

	b->s.port_first = 41000;
	b->s.port_last = 41009;
	stage_in_force(&b->p, 2, &b->s);
	for (uint32_t i = 0; i < 3; i++) {
		struct stage_open a = stage_open(i);

		a.email = i == 2 ? "bob@corp.example" : "alice@corp.example";
		stage_open_send(b->gate, &a);
		fd[i] = stage_opened(b->gate, i, &conn[i]);
		far[i] = accept(b->listener, NULL, NULL);
		other = peer_of(far[i], &port);
		assert_true(port >= 41000 && port <= 41009);
		assert_int_equal(0x7f400000, other & 0xffc00000); /* 127.64.0.0/10 */
		assert_int_equal(0, other & 15);		  /* the first of its /28 */
		if (i == 1)
			assert_int_equal(first, other);
		if (i == 2)
			assert_int_not_equal(first, other);
		first = other;
	}
	for (int i = 0; i < 3; i++) {
		close(fd[i]);
		close(far[i]);
	}
}

static void
next_address_of_the_block_when_ports_run_out(void **state)
{
	struct bench *b = *state;
	uint32_t address, base = 0;
	uint16_t port;
	uint64_t conn;
	int fd[5], far[5];

	/* beside the range from which other tests' idents take theirs, for the same identity */
	b->s.port_first = 21020;
	b->s.port_last = 21021;
	stage_in_force(&b->p, 2, &b->s);
	for (uint32_t i = 0; i < 5; i++) {
		struct stage_open a = stage_open(i);

		stage_open_send(b->gate, &a);
		fd[i] = stage_opened(b->gate, i, &conn);
		far[i] = accept(b->listener, NULL, NULL);
		address = peer_of(far[i], &port);
		if (i == 0)
			base = address;
		assert_int_equal(base + i / 2, address);
	}
	for (int i = 0; i < 5; i++) {
		close(fd[i]);
		close(far[i]);
	}
}

static void
source_per_client_and_system(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint32_t one, two;
	uint16_t port;
	uint64_t conn;
	int fd[3], far[3];

	b->s.targets[0].source = SOURCE_PER_CLIENT;
	stage_in_force(&b->p, 2, &b->s);
	stage_open_send(b->gate, &a);
	fd[0] = stage_opened(b->gate, 1, &conn);
	far[0] = accept(b->listener, NULL, NULL);
	one = peer_of(far[0], &port);
	a.number = 2;
	a.client = "192.0.2.8";
	stage_open_send(b->gate, &a);
	fd[1] = stage_opened(b->gate, 2, &conn);
	far[1] = accept(b->listener, NULL, NULL);
	two = peer_of(far[1], &port);
	assert_int_equal(0x7f400000, one & 0xffc0000f);
	assert_int_equal(0x7f400000, two & 0xffc0000f);
	assert_int_not_equal(one, two);

	b->s.targets[0].source = SOURCE_SYSTEM;
	stage_in_force(&b->p, 3, &b->s);
	a.number = 3;
	stage_open_send(b->gate, &a);
	fd[2] = stage_opened(b->gate, 3, &conn);
	far[2] = accept(b->listener, NULL, NULL);
	assert_int_equal(INADDR_LOOPBACK, peer_of(far[2], &port));
	assert_true(port >= 32768 && port <= 60999);
	for (int i = 0; i < 3; i++) {
		close(fd[i]);
		close(far[i]);
	}
}

static void
certificates_are_judged_again(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	int64_t now = time(NULL);

	opens(b, &a);
	a.not_after = now - 2;
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "expired at"));
	a.not_after = now + 1000;
	a.not_before = now + 100;
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	a.not_before = now - 1;
	a.anchor = 0xa1;
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	a.anchor = STAGE_ANCHOR;
	a.sections[0] = "gone";
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	a.sections[1] = "corp";
	opens(b, &a);
}

static void
map_is_asked(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	a.email = "mallory@corp.example";
	assert_int_equal(REFUSED_MAP, refusal_of(b, &a));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "rule=map:3"));
	a.email = "alice@other.example";
	assert_int_equal(REFUSED_MAP, refusal_of(b, &a));
	a.email = NULL;
	assert_int_equal(REFUSED_MAP, refusal_of(b, &a)); /* nothing that names its holder */
	a.email = "bob@corp.example";
	opens(b, &a);
}

static void
new_generation_judges_the_next_open(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	static const uint8_t other = 0xa1;
	char why[256];

	opens(b, &a);
	stage_generation(&b->p, 2, &b->s, &other, 1, stage_map);
	assert_true(stage_ready(&b->p, 2, why, sizeof(why)));
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	/* one that does not build leaves the old one */
	stage_generation(&b->p, 3, &b->s, &other, 1, "email\n");
	assert_false(stage_ready(&b->p, 3, why, sizeof(why)));
	assert_non_null(strstr(why, "map:1"));
	assert_int_equal(REFUSED_CERTIFICATE, refusal_of(b, &a));
	stage_in_force(&b->p, 4, &b->s);
	opens(b, &a);
}

static void
limits_refuse_the_one_too_many(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(0);
	uint64_t conn, first = 0;
	int fd[3], far[3];

	b->s.per_identity = 2;
	b->s.connections = 3;
	stage_in_force(&b->p, 2, &b->s);
	for (a.number = 0; a.number < 3; a.number++) {
		if (a.number == 2) {
			a.number = 9;
			assert_int_equal(REFUSED_LIMIT, refusal_of(b, &a));
			a.number = 2;
			a.email = "bob@corp.example";
		}
		stage_open_send(b->gate, &a);
		fd[a.number] = stage_opened(b->gate, a.number, &conn);
		far[a.number] = accept(b->listener, NULL, NULL);
		if (a.number == 0)
			first = conn;
	}
	a.email = "carol@corp.example";
	assert_int_equal(REFUSED_LIMIT, refusal_of(b, &a));
	stage_closed(b->gate, first, 0);
	opens(b, &a);
	for (int i = 0; i < 3; i++) {
		close(fd[i]);
		close(far[i]);
	}
}

static void
target_that_is_not_there_is_refused(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint16_t port;
	int gone = stage_listener(&port);

	close(gone);
	b->s.ntargets = 2;
	b->s.targets[1] = b->s.targets[0];
	memcpy(b->s.targets[1].name, "other", 6);
	memcpy(b->s.targets[1].names[0], "other.example", 14);
	b->s.targets[1].nnames = 1;
	b->s.targets[1].port = port;
	stage_in_force(&b->p, 2, &b->s);
	a.server_name = "other.example";
	assert_int_equal(REFUSED_TARGET, refusal_of(b, &a));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "target=other"));
	a.server_name = "unknown.example";
	opens(b, &a);
}

static void
named_target_is_resolved_and_every_address_tried(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), twin = stage_open(2);
	struct got *g = malloc(sizeof(*g));
	struct sockaddr_storage ss;
	struct err e = { 0 };
	uint8_t buf[512];
	struct msg_out o;
	uint64_t number, conn;
	uint32_t port;
	char host[256];
	int resolve, fd, far;

	assert_non_null(g);
	memcpy(b->s.targets[0].host, "sshd.example", 13);
	stage_in_force(&b->p, 2, &b->s);
	assert_int_equal(REFUSED_TARGET, refusal_of(b, &a)); /* no resolver yet */
	resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
	/* the pair goes by another channel than OPEN: wait until it has come */
	stage_in_force(&b->p, 3, &b->s);
	stage_open_send(b->gate, &a);
	stage_open_send(b->gate, &twin);
	stage_expect(resolve, g, MSG_RESOLVE);
	assert_int_equal(0, msg_get_u64(&g->m, &number));
	assert_int_equal(0, msg_get_str(&g->m, host, sizeof(host)));
	assert_int_equal(0, msg_get_u32(&g->m, &port));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_string_equal("sshd.example", host);
	assert_int_equal(b->port, port);
	stage_closed(b->gate, 0, 2); /* its client left while the name was asked */
	assert_non_null(strstr(stage_log(&b->p, "refused"), "handshake=g0-2"));
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVED, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 2);
	assert_int_equal(0, addr_parse("127.0.0.9", &ss, &e)); /* nobody listens there */
	addr_put(&ss, &o);
	assert_int_equal(0, addr_parse("127.0.0.1", &ss, &e));
	addr_put(&ss, &o);
	msg_put_str(&o, "");
	stage_send(resolve, &o, NULL, 0);
	fd = stage_opened(b->gate, 1, &conn);
	far = accept(b->listener, NULL, NULL);
	close(fd);
	close(far);

	/* resolve dies with a question open: refused, not hanging */
	a.number = 3;
	stage_open_send(b->gate, &a);
	stage_expect(resolve, g, MSG_RESOLVE);
	close(resolve);
	assert_int_equal(REFUSED_TARGET, stage_refused(b->gate, 3));

	/* resolve does not answer: refused when the time for the dial is over */
	b->s.dial_timeout = 1;
	resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
	stage_in_force(&b->p, 4, &b->s);
	a.number = 4;
	assert_int_equal(REFUSED_TARGET, refusal_of(b, &a));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "not resolved in time"));
	close(resolve);
	free(g);
}

static void
resolver_that_lies_is_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t buf[512];
	struct msg_out o;
	int resolve;

	for (int i = 0; i < 4; i++) {
		resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
		msg_start(&o, buf, sizeof(buf), i == 3 ? MSG_OPEN : MSG_RESOLVED, 0);
		msg_put_u64(&o, 99); /* never asked */
		if (i > 0) {
			msg_put_u32(&o, 0);
			msg_put_u32(&o, i == 2 ? 17 : 0);
			msg_put_str(&o, "no");
		}
		stage_send(resolve, &o, NULL, 0);
		stage_expect_end(resolve);
		close(resolve);
	}
}

static void
late_closed_by_number_ends_what_was_opened(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(5);
	uint64_t conn;
	char byte;
	int fd, far;

	stage_open_send(b->gate, &a);
	fd = stage_opened(b->gate, 5, &conn);
	far = accept(b->listener, NULL, NULL);
	stage_closed(b->gate, 0, 5);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(0, recv(far, &byte, 1, 0));
	stage_closed(b->gate, 0, 5); /* crossed: nothing to end, nobody dropped */
	opens(b, &a);
	close(fd);
	close(far);
}

static void
gates_end_shuts_its_connections_and_no_others(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	int gate = stage_peer(&b->p, PEER_GATE, 1), fd[2], far[2];
	uint64_t conn;
	char byte;

	stage_in_force(&b->p, 2, &b->s);
	stage_open_send(b->gate, &a);
	fd[0] = stage_opened(b->gate, 1, &conn);
	far[0] = accept(b->listener, NULL, NULL);
	stage_open_send(gate, &a); /* its own number 1 */
	fd[1] = stage_opened(gate, 1, &conn);
	far[1] = accept(b->listener, NULL, NULL);
	close(gate);
	/* the socket is still open here, as in a gate that was killed and not yet reaped */
	assert_int_equal(0, recv(far[1], &byte, 1, 0));
	assert_non_null(strstr(stage_log(&b->p, "closed"), "why=\"the gate ended\""));
	assert_int_equal(1, send(fd[0], "x", 1, 0));
	assert_int_equal(1, recv(far[0], &byte, 1, 0));
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(far[i]);
	}
}

/* Nobody reads the log: connections go on, and the next line that goes through counts the lost. */
static void
full_log_stalls_nobody(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(0);

	a.email = "mallory@corp.example";
	for (a.number = 0; a.number < 6000; a.number++)
		assert_int_equal(REFUSED_MAP, refusal_of(b, &a));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "handshake=g0-0"));
	/* the queue empties while it is read here; then a line goes again, the count before it */
	for (int i = 0; i < 1000; i++)
		(void)stage_log(&b->p, "refused");
	assert_int_equal(REFUSED_MAP, refusal_of(b, &a));
	while (strstr(stage_log(&b->p, ""), " log lines were lost here") == NULL)
		;
	assert_non_null(strstr(stage_log(&b->p, ""), "handshake=g0-6000"));
}

static void
gate_that_takes_no_answers_is_given_up(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(0), good = stage_open(1);
	int deaf = stage_peer(&b->p, PEER_GATE, 3), fd;
	uint8_t buf[8192];
	struct msg_out o;
	struct err e;
	uint64_t conn;
	uint32_t n = 0;

	a.email = "mallory@corp.example";
	do {
		a.number = n++;
		stage_open_put(&a, &o, buf, sizeof(buf));
	} while (msgio_send(deaf, &o, NULL, 0, &e) == 0);
	assert_true(e.detail == EPIPE || e.detail == ECONNRESET);
	/* its log lines may be among those that were lost: only the answer counts here */
	stage_open_send(b->gate, &good);
	fd = stage_opened(b->gate, 1, &conn);
	close(fd);
	close(deaf);
}

/* A target that cannot be dialled for want of descriptors is a refusal, and one for now only. */
static void
out_of_descriptors_refuses(void **state)
{
	struct bench *b = *state;
	struct stage p;
	struct stage_open a = stage_open(0);
	struct rlimit many, few;
	uint64_t conn[64];
	int gate, fd[64], far[64], n = 0;
	struct got *g = malloc(sizeof(*g));

	assert_non_null(g);
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &many));
	few = (struct rlimit){ .rlim_cur = 40, .rlim_max = many.rlim_max };
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	stage_start(&p, "ident");
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &many));
	b->s.per_identity = 1000;
	stage_in_force(&p, 2, &b->s);
	gate = stage_peer(&p, PEER_GATE, 0);
	for (; n < 64; n++) {
		a.number = (uint32_t)n;
		stage_open_send(gate, &a);
		stage_recv(gate, g);
		if (g->m.type != MSG_OPENED)
			break;
		conn[n] = g->m.conn;
		fd[n] = g->fds[0];
		far[n] = accept(b->listener, NULL, NULL);
	}
	assert_in_range(n, 5, 39);
	assert_int_equal(MSG_REFUSED, g->m.type);
	stage_closed(gate, conn[0], 0);
	stage_closed(gate, conn[1], 1);
	a.number = 99;
	stage_open_send(gate, &a);
	fd[n] = stage_opened(gate, 99, &conn[n]);
	far[n] = accept(b->listener, NULL, NULL);
	for (int i = 0; i <= n; i++) {
		close(fd[i]);
		if (far[i] != -1)
			close(far[i]);
	}
	close(gate);
	stage_end(&p);
	free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_gives_the_socket_and_one_line),
		T(source_is_the_identitys_own_and_in_the_range),
		T(next_address_of_the_block_when_ports_run_out),
		T(source_per_client_and_system),
		T(certificates_are_judged_again),
		T(map_is_asked),
		T(new_generation_judges_the_next_open),
		T(limits_refuse_the_one_too_many),
		T(target_that_is_not_there_is_refused),
		T(named_target_is_resolved_and_every_address_tried),
		T(resolver_that_lies_is_dropped),
		T(late_closed_by_number_ends_what_was_opened),
		T(gates_end_shuts_its_connections_and_no_others),
		T(full_log_stalls_nobody),
		T(gate_that_takes_no_answers_is_given_up),
		T(out_of_descriptors_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* bytes.c - how much a live connection has carried, as the kernel counts it */
#include <stddef.h>
#include <string.h>
/* the C library's struct tcp_info ends before the counters; the two headers cannot meet */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "bytes.h"

/* States in which the peer's FIN has come (include/net/tcp_states.h): it counts as a byte. */
enum { TCP_TIME_WAIT = 6, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9, TCP_CLOSING = 11 };

static bool
fin_has_come(uint8_t state)
{
	return state == TCP_TIME_WAIT || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING;
}

bool
bytes_of(int fd, uint64_t *from_client, uint64_t *to_client)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1 ||
	    n < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans))
		return false;
	*from_client = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	*to_client = info.tcpi_bytes_received;
	if (fin_has_come(info.tcpi_state) && *to_client > 0)
		(*to_client)--;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The same accesses through io_uring: by the caller, by a kernel worker, or by the kernel thread that polls the queue. */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "attempt.h"

enum mode { PLAIN, WORKER, POLLED };

struct ring { int fd; struct io_uring_params parameters; unsigned char *queue, *completions; struct io_uring_sqe *entries; };

static enum mode mode_of(const char *word)
{
	return !strcmp(word, "worker") ? WORKER : !strcmp(word, "polled") ? POLLED : PLAIN;
}

static unsigned int *word_at(unsigned char *base, unsigned int offset)
{
	return (unsigned int *)(base + offset);
}

static int open_ring(struct ring *ring, enum mode mode)
{
	const int shared = MAP_SHARED | MAP_POPULATE, both = PROT_READ | PROT_WRITE;
	struct io_uring_params *p = &ring->parameters;

	memset(ring, 0, sizeof(*ring));
	if (mode == POLLED) {
		p->flags = IORING_SETUP_SQPOLL;
		p->sq_thread_idle = 100;
	}
	ring->fd = syscall(SYS_io_uring_setup, 4, p);
	if (ring->fd < 0)
		return errno;
	ring->queue = mmap(NULL, p->sq_off.array + p->sq_entries * 4, both, shared, ring->fd, IORING_OFF_SQ_RING);
	ring->completions = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe), both, shared, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), both, shared, ring->fd, IORING_OFF_SQES);
	return ring->queue == MAP_FAILED || ring->completions == MAP_FAILED || ring->entries == MAP_FAILED ? errno : 0;
}

/* Submits one entry and waits; its result, negative for an error as the kernel has it. */
static int perform(struct ring *ring, struct io_uring_sqe *entry, enum mode mode)
{
	struct io_uring_params *p = &ring->parameters;
	unsigned int tail = *word_at(ring->queue, p->sq_off.tail), head = *word_at(ring->completions, p->cq_off.head);
	unsigned int slot = tail & *word_at(ring->queue, p->sq_off.ring_mask);
	struct io_uring_cqe *completion;

	if (mode == WORKER)
		entry->flags |= IOSQE_ASYNC;
	ring->entries[slot] = *entry;
	word_at(ring->queue, p->sq_off.array)[slot] = slot;
	__atomic_store_n(word_at(ring->queue, p->sq_off.tail), tail + 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(word_at(ring->completions, p->cq_off.tail), __ATOMIC_SEQ_CST) == head) {
		unsigned int flags = IORING_ENTER_GETEVENTS | (mode == POLLED ? IORING_ENTER_SQ_WAKEUP : 0);

		if (syscall(SYS_io_uring_enter, ring->fd, mode == POLLED ? 0 : 1, 1, flags, NULL, 0) < 0 && errno != EINTR)
			return -errno;
	}
	completion = (struct io_uring_cqe *)(ring->completions + p->cq_off.cqes) + (head & *word_at(ring->completions, p->cq_off.ring_mask));
	__atomic_store_n(word_at(ring->completions, p->cq_off.head), head + 1, __ATOMIC_SEQ_CST);
	return completion->res;
}

static int submit(struct io_uring_sqe *entry, enum mode mode)
{
	struct ring ring;
	int error = open_ring(&ring, mode);

	return error ? -error : perform(&ring, entry, mode);
}

static int positive(int answer)
{
	return answer < 0 ? -answer : 0;
}

static int read_opened(int fd)
{
	return fd < 0 ? -fd : reads(fd);
}

/* uring MODE WHAT PATH [OTHER] */
static int by_ring(char **w)
{
	static struct open_how how = { .flags = O_RDONLY };
	const char *what = w[2];
	struct io_uring_sqe entry = { .fd = AT_FDCWD, .addr = (uintptr_t)w[3] };
	enum mode mode = mode_of(w[1]);

	if (!strcmp(what, "openat")) {
		entry.opcode = IORING_OP_OPENAT;
		return read_opened(submit(&entry, mode));
	}
	if (!strcmp(what, "openat2")) {
		entry.opcode = IORING_OP_OPENAT2;
		entry.len = sizeof(how);
		entry.off = (uintptr_t)&how;
		return read_opened(submit(&entry, mode));
	}
	if (!strcmp(what, "truncating")) {
		entry.opcode = IORING_OP_OPENAT;
		entry.open_flags = O_RDONLY | O_TRUNC;
	} else if (!strcmp(what, "unlink")) {
		entry.opcode = IORING_OP_UNLINKAT;
	} else if (!strcmp(what, "mkdir")) {
		entry.opcode = IORING_OP_MKDIRAT;
		entry.len = 0755;
	} else {
		entry.opcode = !strcmp(what, "rename") ? IORING_OP_RENAMEAT : !strcmp(what, "link") ? IORING_OP_LINKAT : IORING_OP_SYMLINKAT;
		entry.len = !strcmp(what, "symlink") ? 0 : AT_FDCWD;
		if (!strcmp(what, "symlink"))
			entry.fd = AT_FDCWD;
		entry.off = (uintptr_t)w[4];
	}
	return positive(submit(&entry, mode));
}

/* uring-socket MODE FAMILY TYPE PROTOCOL */
static int make_socket(char **w)
{
	struct io_uring_sqe entry = { .opcode = IORING_OP_SOCKET, .fd = atoi(w[2]), .off = atoi(w[3]), .len = atoi(w[4]) };

	return positive(submit(&entry, mode_of(w[1])));
}

/* uring-use MODE connect|send: with the held socket, to a port of this machine where nobody listens */
static int use_socket(char **w)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };
	static struct iovec part = { "x", 1 };
	static struct msghdr message = { .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1 };
	struct io_uring_sqe entry = { .opcode = IORING_OP_SENDMSG, .fd = HELD, .addr = (uintptr_t)&message, .len = 1 };
	int error;

	address.sin_port = htons(9);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!strcmp(w[2], "connect"))
		entry = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = HELD, .addr = (uintptr_t)&address, .off = sizeof(address) };
	error = positive(submit(&entry, mode_of(w[1])));
	return error == ECONNREFUSED ? 0 : error;
}

int accept_by_ring(const char *mode)
{
	struct io_uring_sqe entry = { .opcode = IORING_OP_ACCEPT, .fd = HELD };
	int answer = submit(&entry, mode_of(mode));

	if (answer < 0)
		errno = -answer;
	return answer < 0 ? -1 : answer;
}

/* uring-as-root UID PATH: as root the ring remembers who it was; then, as another user, the kernel opens with root's rights */
static int with_personality(char **w)
{
	struct io_uring_sqe entry = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)w[2] };
	struct ring ring;
	int error = open_ring(&ring, PLAIN), personality, id = atoi(w[1]);

	if (error)
		return error;
	personality = syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (personality < 0 || setresuid(id, id, id))
		return errno;
	entry.personality = personality;
	return read_opened(perform(&ring, &entry, PLAIN));
}

const struct step URING[] = {
	{ "uring", by_ring }, { "uring-socket", make_socket }, { "uring-use", use_socket }, { "uring-as-root", with_personality }, {}
};

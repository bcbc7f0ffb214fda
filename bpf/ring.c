/* SPDX-License-Identifier: Apache-2.0 */
/* The ring buffer for the agent: records in batches, and waiting for them. Errors are negative errno values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <bpf/libbpf.h>

struct parapet_ring {
	struct ring_buffer *ring;
	char *buffer;
	size_t capacity;
	size_t used;
	size_t largest;          /* a record of this size must still fit for the next one to be taken */
};

/* A record was taken; a negative result stops after it. */
static int take_record(void *context, void *data, size_t size)
{
	struct parapet_ring *ring = context;
	__u32 length = size;

	if (ring->used + sizeof(length) + size > ring->capacity)
		return -ENOSPC;  /* cannot happen: see parapet_drain */
	memcpy(ring->buffer + ring->used, &length, sizeof(length));
	memcpy(ring->buffer + ring->used + sizeof(length), data, size);
	ring->used += sizeof(length) + size;
	return ring->capacity - ring->used < ring->largest + sizeof(length) ? -ENOSPC : 0;
}

/* Opens the ring buffer behind a map; no record is larger than `largest` bytes. NULL on failure, with *error set. */
struct parapet_ring *parapet_ring_open(int map, __u32 largest, int *error)
{
	struct parapet_ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		*error = -ENOMEM;
		return NULL;
	}
	ring->largest = largest;
	ring->ring = ring_buffer__new(map, take_record, ring, NULL);
	if (ring->ring)
		return ring;
	*error = -errno;
	free(ring);
	return NULL;
}

/* Moves records into `buffer`, each as a 32-bit length and its bytes, until the ring is empty or the buffer is full. Returns the bytes used. */
int parapet_drain(struct parapet_ring *ring, char *buffer, size_t capacity)
{
	int taken;

	if (capacity < ring->largest + sizeof(__u32))
		return -EINVAL;
	ring->buffer = buffer;
	ring->capacity = capacity;
	ring->used = 0;
	taken = ring_buffer__consume(ring->ring);
	return taken < 0 && taken != -ENOSPC ? taken : (int)ring->used;
}

/* Waits until a program wakes readers of the ring, or records are there already; at most so many milliseconds. */
int parapet_wait(struct parapet_ring *ring, int milliseconds)
{
	struct epoll_event event;
	int count = epoll_wait(ring_buffer__epoll_fd(ring->ring), &event, 1, milliseconds);

	return count < 0 && errno != EINTR ? -errno : count > 0;
}

void parapet_ring_close(struct parapet_ring *ring)
{
	ring_buffer__free(ring->ring);
	free(ring);
}

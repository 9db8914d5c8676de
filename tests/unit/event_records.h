/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of events as the BPF programs send them, made by hand. */
#ifndef TEST_EVENT_RECORDS_H
#define TEST_EVENT_RECORDS_H

#include "records.h"

union record_event {
	struct scry_record head;
	struct scry_sample sample;
	unsigned char bytes[8192];
};

struct event_made {
	struct scry_event event;
	unsigned tid;
	unsigned long long time; /* ns since the start */
	const char *comm;
	const unsigned *codes;	 /* leaf first */
	unsigned count;
	const char *text[2];
};

/* Its size. */
static inline size_t record_event(union record_event *r, const struct event_made *made)
{
	struct scry_event event = made->event;
	size_t size = sizeof(r->sample) + made->count * sizeof(struct scry_frame);

	memset(r, 0, sizeof(*r));
	r->head.kind = SCRY_RECORD_EVENT;
	r->head.pid = 4711;
	r->head.time = START_NS + made->time;
	r->sample.tid = made->tid ? made->tid : 4711;
	strncpy(r->sample.comm, made->comm ? made->comm : "python3", sizeof(r->sample.comm));
	r->sample.count = made->count;
	for (unsigned i = 0; i < made->count; i++)
		r->sample.frames[i] = (struct scry_frame){ made->codes[i], 0 };
	for (int i = 0; i < 2; i++)
		if (made->text[i] && !event.text_bytes[i])
			event.text_bytes[i] = strlen(made->text[i]);
	memcpy((unsigned char *)r + size, &event, sizeof(event));
	size += sizeof(event);
	for (int i = 0; i < 2; i++) {
		if (made->text[i])
			memcpy((unsigned char *)r + size, made->text[i], event.text_bytes[i]);
		size += made->text[i] ? event.text_bytes[i] : 0;
	}
	return size;
}

#endif

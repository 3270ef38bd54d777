// SPDX-License-Identifier: Apache-2.0
#include "flow.h"

#include "log.h"

const struct msg_id_range every_id = { .start = 0, .end = IDS_END };

bool flow_holds(const struct flow *f, uint32_t id)
{
	for (size_t i = 0; i < f->n; i++)
		if (id_in_range(&f->ranges[i], id))
			return true;
	return false;
}

void flow_forget(struct flow *f, const struct msg_id_range *range)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!id_in_range(range, f->ranges[i].start))
			f->ranges[kept++] = f->ranges[i];
	f->n = kept;
}

void flow_set(struct flow *f, const struct msg_id_range *range)
{
	size_t i = 0;

	while (i < f->n && f->ranges[i].start != range->start)
		i++;
	if (!range->paused && i < f->n)
		f->ranges[i] = f->ranges[--f->n];
	else if (range->paused && i < f->n)
		f->ranges[i] = *range;
	else if (range->paused && f->n < FLOW_RANGES_MAX)
		f->ranges[f->n++] = *range;
	else if (range->paused)
		log_warn("flow: more than %d ranges", FLOW_RANGES_MAX);
}

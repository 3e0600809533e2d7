/* SPDX-License-Identifier: MIT */
#include "streamer/clock.h"

#include <math.h>
#include <string.h>

/*
 * A timestamp that runs this far from the time of its arrival has leapt. A
 * report that would move a medium further is not believed: the sender's wall
 * clock was set, and the other medium's report is still from before.
 */
static const double LEAP_MS = 2000, REPORT_MAX_MS = 5000;
/* How fast video is led: 5 % of its own pace. */
static const double SLEW = 0.05;

void clock_init(struct clock *c, uint32_t audio_rate, uint32_t video_rate)
{
	memset(c, 0, sizeof(*c));
	c->lane[CLOCK_AUDIO].rate = audio_rate;
	c->lane[CLOCK_VIDEO].rate = video_rate;
	c->lane[CLOCK_AUDIO].out_ms = c->lane[CLOCK_VIDEO].out_ms = -1;
}

void clock_restart(struct clock *c, enum clock_lane_id id, uint32_t rate)
{
	struct clock_lane *l = &c->lane[id];

	l->rate = rate;
	l->started = false;
	l->has_report = false;
	l->has_early = false;
	c->lead_ms = 0;
}

static double lane_ms(const struct clock_lane *l, int64_t ticks)
{
	return l->base_ms + (double)ticks * 1000 / l->rate;
}

/* Begins at the arrival; after a break, at the arrival since the last. */
static void anchor(struct clock *c, struct clock_lane *l, uint32_t timestamp,
		   double arrival_ms)
{
	bool first = l->out_ms < 0;
	double since = arrival_ms - (first ? c->origin_ms : l->arrival_ms);

	l->base_ms =
		fmax(since, 0) + (first ? CLOCK_START_MS : (double)l->out_ms);
	l->ticks = 0;
	l->last = timestamp;
	l->arrival_ms = arrival_ms;
	l->started = true;
	l->has_report = false;
}

static bool has_leapt(const struct clock_lane *l, int64_t ticks,
		      double arrival_ms)
{
	double media = (double)(ticks - l->ticks) * 1000 / l->rate;

	return fabs(media - (arrival_ms - l->arrival_ms)) > LEAP_MS;
}

static int64_t unwrap(const struct clock_lane *l, uint32_t timestamp)
{
	return l->ticks + (int32_t)(timestamp - l->last);
}

/* Moves video towards where the reports want it, in step with its pace. */
static void slew(struct clock *c, struct clock_lane *l, int64_t ticks)
{
	double pace = (double)(ticks - l->ticks) * 1000 / l->rate * SLEW;
	double step = fmin(fabs(c->lead_ms), pace);

	if (step <= 0)
		return;
	step = copysign(step, c->lead_ms);
	l->base_ms += step;
	c->lead_ms -= step;
}

static double ntp_ms(uint64_t ntp)
{
	return (double)(ntp >> 32) * 1000 +
	       (double)(uint32_t)ntp * 1000 / 4294967296.0;
}

/*
 * Both media say what the sender's clock was at one of their ticks. The time
 * that audio gives that clock is the one that video should give it.
 */
static void align(struct clock *c)
{
	const struct clock_lane *a = &c->lane[CLOCK_AUDIO];
	const struct clock_lane *v = &c->lane[CLOCK_VIDEO];
	double want, lead;

	if (!a->has_report || !v->has_report)
		return;
	want = lane_ms(a, a->report_ticks) + v->report_ms - a->report_ms;
	lead = want - lane_ms(v, v->report_ticks);
	if (fabs(lead) <= REPORT_MAX_MS)
		c->lead_ms = lead;
}

static void note_report(struct clock_lane *l, uint32_t timestamp, uint64_t ntp)
{
	l->has_report = true;
	l->report_ticks = unwrap(l, timestamp);
	l->report_ms = ntp_ms(ntp);
}

/* A medium that begins and is known already moves to its place at once. */
static void place(struct clock *c, enum clock_lane_id id)
{
	struct clock_lane *l = &c->lane[id];

	if (!l->has_early)
		return;
	l->has_early = false;
	note_report(l, l->early_timestamp, l->early_ntp);
	align(c);
	l->base_ms += id == CLOCK_VIDEO ? c->lead_ms : -c->lead_ms;
	c->lead_ms = 0;
}

uint64_t clock_map(struct clock *c, enum clock_lane_id id, uint32_t timestamp,
		   uint64_t arrival_ms)
{
	struct clock_lane *l = &c->lane[id];
	double arrival = (double)arrival_ms;
	int64_t ticks = unwrap(l, timestamp), ms;

	if (!c->started) {
		c->started = true;
		c->origin_ms = arrival;
	}
	if (!l->started || has_leapt(l, ticks, arrival)) {
		anchor(c, l, timestamp, arrival);
		place(c, id);
		ticks = 0;
	} else if (ticks > l->ticks) {
		if (id == CLOCK_VIDEO)
			slew(c, l, ticks);
		l->ticks = ticks;
		l->last = timestamp;
		l->arrival_ms = arrival;
	}
	ms = llround(lane_ms(l, ticks));
	/* A B picture is older than the latest, and no time that goes back. */
	if (id == CLOCK_VIDEO && ticks < l->ticks)
		return (uint64_t)(ms > 0 ? ms : 0);
	if (ms < l->out_ms)
		ms = l->out_ms;
	l->out_ms = ms;
	return (uint64_t)ms;
}

void clock_report(struct clock *c, enum clock_lane_id id, uint32_t timestamp,
		  uint64_t ntp)
{
	struct clock_lane *l = &c->lane[id];

	/* Some send zero until their own clock is known. */
	if (!ntp)
		return;
	if (l->started) {
		note_report(l, timestamp, ntp);
		align(c);
		return;
	}
	l->has_early = true;
	l->early_timestamp = timestamp;
	l->early_ntp = ntp;
}

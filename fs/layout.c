/* SPDX-License-Identifier: MIT */
#include "fs/layout.h"

#include <string.h>

#include "lib/attr.h"

/* clang-format off */
#define FACT(name, help) { name, LAYOUT_FACT, name, help }

/* What both kinds of daemon have. */
#define DAEMON_FIRST                                                           \
	{ "state", LAYOUT_STATE, "state", "stopped, hanging, or its own word" }, \
	{ "why", LAYOUT_WHY, "why", "the reason in a sentence" },              \
	{ "uptime", LAYOUT_UPTIME, NULL, "seconds" },                          \
	FACT("started", "time"),                                               \
	FACT("pid", "process id"),                                             \
	FACT("version", "of the daemon")
#define DAEMON_LAST                                                            \
	FACT("error", "the last error"),                                       \
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the daemon" }
/* clang-format on */

static const struct layout_file root_files[] = {
	{ "README", LAYOUT_README, NULL, "this text" },
	{ "version", LAYOUT_VERSION, NULL, "of upcast-fs" },
	{ "summary", LAYOUT_SUMMARY, NULL,
	  "\"key value\" lines, for watch(1)" },
	{ "metrics", LAYOUT_METRICS, NULL,
	  "for Prometheus, text format 0.0.4" },
	{ "calls.tsv", LAYOUT_CALLS, NULL, "one line per call" },
	{ "recordings.tsv", LAYOUT_RECORDINGS, NULL,
	  "one line per recording that is not ready or ignored" },
	{ "queue.svg", LAYOUT_QUEUE, NULL,
	  "recordings waiting and done in the last day" },
	{ "index.html", LAYOUT_PAGE, NULL,
	  "a page that shows its neighbours; serve the mount to see it" },
	{ "events", LAYOUT_EVENTS, NULL,
	  "what happened, newest last; tail -f" },
	{ "stream", LAYOUT_STREAM, NULL,
	  "the same from now on: not listed, a read waits" },
};

static const struct layout_file streamer_files[] = {
	DAEMON_FIRST,
	FACT("listen", "where calls are taken"),
	FACT("calls_active", "calls now"),
	FACT("calls_limit", "calls at most"),
	FACT("calls_total", "calls since its start"),
	DAEMON_LAST,
};

static const struct layout_file uploader_files[] = {
	DAEMON_FIRST,
	FACT("source", "where the recordings are"),
	FACT("source_state", "does it answer"),
	FACT("source_why", "what it last said"),
	FACT("cms_state", "does the bridge answer"),
	FACT("cms_why", "what it last said"),
	FACT("rev_state", "does Rev answer"),
	FACT("rev_why", "what it last said"),
	FACT("last_scan", "time"),
	FACT("scanned", "recordings in the last scan"),
	FACT("waiting", "recordings"),
	FACT("uploading", "recordings"),
	FACT("processing", "recordings"),
	FACT("ready", "recordings"),
	FACT("failed", "recordings"),
	FACT("ignored", "recordings"),
	FACT("paused", "whether uploads are held"),
	DAEMON_LAST,
};

static const struct layout_file call_files[] = {
	FACT("state", "its state, a word"),
	FACT("why", "what holds it there, a sentence"),
	{ "id", LAYOUT_ID, NULL, "its name here, never used again" },
	FACT("space", "who was called"),
	FACT("user", "user part of the called address"),
	FACT("caller", "who calls"),
	FACT("call_id", "of the signalling"),
	FACT("peer", "address and port"),
	FACT("transport", "udp, tcp or tls"),
	FACT("encryption", "of the media"),
	FACT("url", "where it is published, secrets masked"),
	FACT("url_source", "who said so"),
	FACT("audio", "codec"),
	FACT("video", "codec"),
	FACT("resolution", "WIDTHxHEIGHT"),
	FACT("fps", "pictures a second"),
	FACT("bitrate", "bits a second"),
	FACT("packets", "received"),
	FACT("lost", "packets"),
	FACT("jitter", "seconds"),
	FACT("rtmp_state", "of the connection"),
	FACT("rtmp_bytes", "sent"),
	FACT("dropped", "pictures not sent"),
	FACT("reconnects", "to the server"),
	FACT("started", "time"),
	FACT("answered", "time"),
	FACT("ended", "time"),
	{ "duration", LAYOUT_LASTED, "duration", "seconds" },
	FACT("error", "the last error"),
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the call" },
};

static const struct layout_file recording_files[] = {
	FACT("state", "its state, a word"),
	FACT("why", "what holds it there, a sentence"),
	{ "id", LAYOUT_ID, NULL, "its job's number, never used again" },
	FACT("progress", "percent"),
	FACT("size", "bytes"),
	FACT("bytes_sent", "bytes"),
	FACT("rate", "bytes a second"),
	FACT("eta", "seconds"),
	FACT("video_id", "on Rev"),
	FACT("playback_url", "on Rev"),
	FACT("title", "of the video"),
	FACT("owner", "of the video"),
	FACT("viewers", "of the video"),
	FACT("space_id", "where it was recorded"),
	FACT("space_name", "where it was recorded"),
	FACT("attempts", "tries so far"),
	FACT("next_retry", "time"),
	FACT("modified", "time of the file"),
	FACT("seen", "time at which it was found"),
	FACT("started", "time of the upload"),
	FACT("done", "time at which it was ready or given up"),
	FACT("error", "the last error"),
	{ "source_path", LAYOUT_FACT, "path", "on the share" },
	FACT("key", "what identifies it on Rev"),
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the recording" },
};

const struct layout layout_root = { root_files, ARRAY_SIZE(root_files) };
const struct layout layout_streamer = { streamer_files,
					ARRAY_SIZE(streamer_files) };
const struct layout layout_uploader = { uploader_files,
					ARRAY_SIZE(uploader_files) };
const struct layout layout_call = { call_files, ARRAY_SIZE(call_files) };
const struct layout layout_recording = { recording_files,
					 ARRAY_SIZE(recording_files) };

_Static_assert(ARRAY_SIZE(call_files) <= LAYOUT_FILES &&
		       ARRAY_SIZE(recording_files) <= LAYOUT_FILES &&
		       ARRAY_SIZE(uploader_files) <= LAYOUT_FILES,
	       "a table of files is longer than the values have room for");

const char *const layout_call_states[] = {
	"ringing",  "answered", "waiting-url", "connecting", "publishing",
	"retrying", "held",	"ended",       NULL
};

const char *const layout_job_states[] = {
	"settling",   "queued",	    "uploading", "marking",
	"processing", "activating", "ready",	 "deleted",
	"failed",     "ignored",    NULL
};

int layout_find(const struct layout *layout, const char *name)
{
	for (size_t i = 0; layout && i < layout->count; i++)
		if (!strcmp(layout->files[i].name, name))
			return (int)i;
	return -1;
}

int layout_find_key(const struct layout *layout, const char *key)
{
	for (size_t i = 0; layout && i < layout->count; i++)
		if (layout->files[i].key && !strcmp(layout->files[i].key, key))
			return (int)i;
	return -1;
}

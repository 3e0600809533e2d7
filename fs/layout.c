/* SPDX-License-Identifier: MIT */
#include "fs/layout.h"

#include <string.h>

#include "lib/attr.h"

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
	{ "state", LAYOUT_STATE, "state", "stopped, hanging, or its own word" },
	{ "why", LAYOUT_WHY, "why", "the reason in a sentence" },
	{ "uptime", LAYOUT_UPTIME, NULL, "seconds" },
	{ "started", LAYOUT_FACT, "started", "time" },
	{ "pid", LAYOUT_FACT, "pid", "process id" },
	{ "version", LAYOUT_FACT, "version", "of the daemon" },
	{ "listen", LAYOUT_FACT, "listen", "where calls are taken" },
	{ "calls_active", LAYOUT_FACT, "calls_active", "calls now" },
	{ "calls_limit", LAYOUT_FACT, "calls_limit", "calls at most" },
	{ "calls_total", LAYOUT_FACT, "calls_total", "calls since its start" },
	{ "error", LAYOUT_FACT, "error", "the last error" },
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the daemon" },
};

static const struct layout_file uploader_files[] = {
	{ "state", LAYOUT_STATE, "state", "stopped, hanging, or its own word" },
	{ "why", LAYOUT_WHY, "why", "the reason in a sentence" },
	{ "uptime", LAYOUT_UPTIME, NULL, "seconds" },
	{ "started", LAYOUT_FACT, "started", "time" },
	{ "pid", LAYOUT_FACT, "pid", "process id" },
	{ "version", LAYOUT_FACT, "version", "of the daemon" },
	{ "source", LAYOUT_FACT, "source", "where the recordings are" },
	{ "source_state", LAYOUT_FACT, "source_state", "does it answer" },
	{ "source_why", LAYOUT_FACT, "source_why", "what it last said" },
	{ "cms_state", LAYOUT_FACT, "cms_state", "does the bridge answer" },
	{ "cms_why", LAYOUT_FACT, "cms_why", "what it last said" },
	{ "rev_state", LAYOUT_FACT, "rev_state", "does Rev answer" },
	{ "rev_why", LAYOUT_FACT, "rev_why", "what it last said" },
	{ "last_scan", LAYOUT_FACT, "last_scan", "time" },
	{ "scanned", LAYOUT_FACT, "scanned", "recordings in the last scan" },
	{ "waiting", LAYOUT_FACT, "waiting", "recordings" },
	{ "uploading", LAYOUT_FACT, "uploading", "recordings" },
	{ "processing", LAYOUT_FACT, "processing", "recordings" },
	{ "ready", LAYOUT_FACT, "ready", "recordings" },
	{ "failed", LAYOUT_FACT, "failed", "recordings" },
	{ "ignored", LAYOUT_FACT, "ignored", "recordings" },
	{ "paused", LAYOUT_FACT, "paused", "whether uploads are held" },
	{ "error", LAYOUT_FACT, "error", "the last error" },
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the daemon" },
};

static const struct layout_file call_files[] = {
	{ "state", LAYOUT_FACT, "state", "its state, a word" },
	{ "why", LAYOUT_FACT, "why", "what holds it there, a sentence" },
	{ "id", LAYOUT_ID, NULL, "its name here, never used again" },
	{ "space", LAYOUT_FACT, "space", "who was called" },
	{ "user", LAYOUT_FACT, "user", "user part of the called address" },
	{ "caller", LAYOUT_FACT, "caller", "who calls" },
	{ "call_id", LAYOUT_FACT, "call_id", "of the signalling" },
	{ "peer", LAYOUT_FACT, "peer", "address and port" },
	{ "transport", LAYOUT_FACT, "transport", "udp, tcp or tls" },
	{ "encryption", LAYOUT_FACT, "encryption", "of the media" },
	{ "url", LAYOUT_FACT, "url", "where it is published, secrets masked" },
	{ "url_source", LAYOUT_FACT, "url_source", "who said so" },
	{ "audio", LAYOUT_FACT, "audio", "codec" },
	{ "video", LAYOUT_FACT, "video", "codec" },
	{ "resolution", LAYOUT_FACT, "resolution", "WIDTHxHEIGHT" },
	{ "fps", LAYOUT_FACT, "fps", "pictures a second" },
	{ "bitrate", LAYOUT_FACT, "bitrate", "bits a second" },
	{ "packets", LAYOUT_FACT, "packets", "received" },
	{ "lost", LAYOUT_FACT, "lost", "packets" },
	{ "jitter", LAYOUT_FACT, "jitter", "seconds" },
	{ "rtmp_state", LAYOUT_FACT, "rtmp_state", "of the connection" },
	{ "rtmp_bytes", LAYOUT_FACT, "rtmp_bytes", "sent" },
	{ "dropped", LAYOUT_FACT, "dropped", "pictures not sent" },
	{ "reconnects", LAYOUT_FACT, "reconnects", "to the server" },
	{ "started", LAYOUT_FACT, "started", "time" },
	{ "answered", LAYOUT_FACT, "answered", "time" },
	{ "ended", LAYOUT_FACT, "ended", "time" },
	{ "duration", LAYOUT_LASTED, "duration", "seconds" },
	{ "error", LAYOUT_FACT, "error", "the last error" },
	{ "ctl", LAYOUT_CTL, NULL, "takes commands for the call" },
};

static const struct layout_file recording_files[] = {
	{ "state", LAYOUT_FACT, "state", "its state, a word" },
	{ "why", LAYOUT_FACT, "why", "what holds it there, a sentence" },
	{ "id", LAYOUT_ID, NULL, "its job's number, never used again" },
	{ "progress", LAYOUT_FACT, "progress", "percent" },
	{ "size", LAYOUT_FACT, "size", "bytes" },
	{ "bytes_sent", LAYOUT_FACT, "bytes_sent", "bytes" },
	{ "rate", LAYOUT_FACT, "rate", "bytes a second" },
	{ "eta", LAYOUT_FACT, "eta", "seconds" },
	{ "video_id", LAYOUT_FACT, "video_id", "on Rev" },
	{ "playback_url", LAYOUT_FACT, "playback_url", "on Rev" },
	{ "title", LAYOUT_FACT, "title", "of the video" },
	{ "owner", LAYOUT_FACT, "owner", "of the video" },
	{ "viewers", LAYOUT_FACT, "viewers", "of the video" },
	{ "space_id", LAYOUT_FACT, "space_id", "where it was recorded" },
	{ "space_name", LAYOUT_FACT, "space_name", "where it was recorded" },
	{ "attempts", LAYOUT_FACT, "attempts", "tries so far" },
	{ "next_retry", LAYOUT_FACT, "next_retry", "time" },
	{ "modified", LAYOUT_FACT, "modified", "time of the file" },
	{ "seen", LAYOUT_FACT, "seen", "time at which it was found" },
	{ "started", LAYOUT_FACT, "started", "time of the upload" },
	{ "done", LAYOUT_FACT, "done", "time at which it was ready" },
	{ "error", LAYOUT_FACT, "error", "the last error" },
	{ "source_path", LAYOUT_FACT, "path", "on the share" },
	{ "key", LAYOUT_FACT, "key", "what identifies it on Rev" },
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

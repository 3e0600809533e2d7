// SPDX-License-Identifier: MIT
// Runs Vbrick's own JavaScript client against the stand-in of Rev:
//
//	node vendor-client.mjs CLIENT.mjs URL FILE.mp4
//
// User "uploader" with password "pw", API key "K" with secret "S" and custom
// field "Room" must be there. Prints a line per call; exits 1 at a failure.

import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [clientPath, url, file] = process.argv.slice(2);
const { RevClient } = await import(pathToFileURL(clientPath).href);
const size = readFileSync(file).length;

function client(login) {
	return new RevClient({ url, keepAlive: false, ...login });
}

async function step(name, work) {
	const value = await work();
	console.log(`ok ${name}`);
	return value;
}

async function refused(name, status, code, work) {
	await step(name, () => assert.rejects(work, (error) => {
		assert.equal(error.status, status);
		if (code)
			assert.equal(error.code, code);
		return true;
	}));
}

async function ready(rev, id) {
	for (;;) {
		const now = await rev.video.status(id);
		if (now.status === "Ready" && !now.isProcessing)
			return now;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

async function changes(rev, id) {
	await step("setTitle", () => rev.video.setTitle(id, "Another"));
	await step("patch", () => rev.video.patch(id, [
		{ op: "replace", path: "/IsActive", value: true },
		{ op: "add", path: "/Tags/-", value: "t2" },
	]));
	const fields = await step("customFields",
				  () => rev.admin.customFields());
	await step("setCustomField", () => rev.video.setCustomField(
		id, { id: fields[0].id, value: "blue" }));
	await step("migrate", () => rev.video.migrate(
		id, { whenUploaded: new Date("2021-06-18T03:23:09Z") }));
	const details = await step("details", () => rev.video.details(id));
	assert.equal(details.title, "Another");
	assert.equal(details.isActive, true);
	assert.deepEqual(details.tags, ["t1", "t2"]);
	assert.equal(details.customFields[0].value, "blue");
	assert.equal(new Date(details.whenUploaded).getTime(),
		     Date.UTC(2021, 5, 18, 3, 23, 9));
}

async function files(rev, id) {
	const text = new Blob(["WEBVTT\n"], { type: "text/vtt" });
	await step("transcription", () => rev.upload.transcription(
		id, text, "en", { filename: "c.vtt" }));
	await step("thumbnail", () => rev.upload.thumbnail(
		id, new Blob(["x"], { type: "image/png" }),
		{ filename: "t.png" }));
	await step("replaceVideo", () => rev.upload.replaceVideo(id, file));
	await ready(rev, id);
}

async function finding(rev, id) {
	const hits = await step("search", () => rev.video.search(
		{ q: "Another", searchField: "title", exactMatch: true,
		  unlisted: "all", Room: "blue" }).exec());
	assert.deepEqual(hits.map((hit) => hit.id), [id]);
	const pages = await step("scroll", () => rev.video.search(
		{ count: 1 }).exec());
	assert.equal(pages.length, 2);
	assert.equal((await step("playbackInfo",
				 () => rev.video.playbackInfo(id))).id, id);
	await step("playbackUrls", () => rev.video.playbackUrls(
		id, { ip: "10.0.0.1" }));
}

async function people(rev) {
	assert.equal((await step("getByUsername", () =>
		rev.user.getByUsername("uploader"))).username, "uploader");
	assert.equal((await step("getByEmail", () =>
		rev.user.getByEmail("up@example.com"))).username, "uploader");
	assert.equal(await step("exists", () =>
		rev.user.exists("nobody", "username")), false);
	const found = await step("user.search", () =>
		rev.user.search("upload", { assignable: true }).exec());
	assert.equal(found.length, 1);
	await step("group.search", () => rev.group.search("Team").exec());
	await step("zones", () => rev.zones.list());
	await step("listDMEs", () => rev.device.listDMEs());
}

async function byPassword() {
	const rev = client({ username: "uploader", password: "pw" });
	await step("connect", () => rev.connect());
	const id = await step("upload a path", () => rev.upload.video(file, {
		title: "T \u00fc \u2603", uploader: "uploader", tags: ["t1"],
		customFields: [{ name: "Room", value: "red" }] }));
	const status = await step("status", () => ready(rev, id));
	assert.equal(status.overallProgress, 1);
	const other = await step("upload a stream", () => rev.upload.video(
		createReadStream(file), { uploader: "uploader" },
		{ filename: "s.mp4", contentType: "video/mp4",
		  useChunkedTransfer: true }));
	assert.equal((await rev.video.details(other)).instances[0].size, size);
	await refused("unknown uploader", 500, "UserDoesNotExist", () =>
		rev.upload.video(file, { uploader: "nobody" }));
	await changes(rev, id);
	await files(rev, id);
	await finding(rev, id);
	await people(rev);
	await step("verifySession", () => rev.verifySession());
	await step("extendSession", () => rev.extendSession());
	await step("auth.extendSession", () => rev.auth.extendSession());
	await step("delete", () => rev.video.delete(id));
	await refused("gone", 401, null, () => rev.video.status(id));
	await step("disconnect", () => rev.disconnect());
	await refused("after logoff", 401, null, () => rev.video.status(other));
}

async function byKey() {
	const rev = client({ apiKey: "K", secret: "S" });
	await step("connect by key", () => rev.connect());
	await step("extendSession by key", () => rev.extendSession());
	await step("disconnect by key", () => rev.disconnect());
	await refused("wrong secret", 401, null, () =>
		client({ apiKey: "K", secret: "no" }).connect());
}

await byPassword();
await byKey();

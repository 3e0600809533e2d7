/* SPDX-License-Identifier: MIT */
#include "uploader/catalog.h"

#include "tests/unit.h"

static int add(struct catalog *c, int64_t id, const char *dir, const char *name,
	       enum job_state state, struct item **ret)
{
	struct row row = { .id = id, .state = state };
	int err = row_set(&row, ROW_DIR, dir);

	err = err ? err : row_set(&row, ROW_NAME, name);
	err = err ? err : catalog_add(c, &row, ret);
	if (err)
		row_release(&row);
	return err;
}

static int test_find(void)
{
	static const char space[] =
		"spaces/0C7F2D48-1111-4a5b-9c0d-3e5f70a1b2c3";
	struct catalog c = { 0 };
	struct item *a, *b;
	struct folder_items *folder;
	int err;

	CHECK_OK(
		add(&c, 1, space, "20210618032309+0000.mp4", JOB_SETTLING, &a));
	CHECK_OK(add(&c, 2, "forwardedCalls", "20210618032309+0000.mp4",
		     JOB_READY, &b));
	CHECK(catalog_find(&c, 1) == a && catalog_find(&c, 2) == b);
	CHECK(!catalog_find(&c, 3));
	folder = catalog_find_folder(&c, space);
	CHECK(folder && a->folder == folder);
	CHECK_STR(folder->space_id, "0c7f2d48-1111-4a5b-9c0d-3e5f70a1b2c3");
	CHECK_STR(b->folder->space_id, "");
	CHECK(catalog_find_stem(folder, "20210618032309+0000") == a);
	CHECK(!catalog_find_stem(folder, "20210618032310+0000"));
	CHECK_ERR(add(&c, 1, space, "20210618032310+0000.mp4", JOB_READY, &b),
		  -EEXIST);
	CHECK_ERR(add(&c, 4, space, "20210618032309+0000.mp4", JOB_READY, &b),
		  -EEXIST);
	CHECK_ERR(add(&c, 4, space, "notes.txt", JOB_READY, &b), -EINVAL);
	catalog_remove(&c, a);
	CHECK(!catalog_find(&c, 1));
	CHECK(!catalog_find_stem(folder, "20210618032309+0000"));
	err = 0;
out:
	catalog_release(&c);
	return err;
}

static int test_counts(void)
{
	struct catalog c = { 0 };
	struct item *a, *b;
	int err;

	CHECK_OK(add(&c, 1, "forwardedCalls", "20210618032309+0000.mp4",
		     JOB_SETTLING, &a));
	CHECK_OK(add(&c, 2, "forwardedCalls", "20210618032310+0000.mp4",
		     JOB_SETTLING, &b));
	CHECK_EQ(a->folder->unsettled, 2);
	catalog_set_state(&c, a, JOB_QUEUED);
	CHECK_EQ(a->folder->unsettled, 2);
	catalog_set_state(&c, a, JOB_SENDING);
	catalog_set_state(&c, b, JOB_UNSURE);
	CHECK_EQ(a->folder->unsettled, 0);
	CHECK_EQ(catalog_count_word(&c, "uploading"), 2);
	CHECK_EQ(catalog_count_word(&c, "settling"), 0);
	catalog_remove(&c, a);
	CHECK_EQ(catalog_count_word(&c, "uploading"), 1);
	err = 0;
out:
	catalog_release(&c);
	return err;
}

static const struct unit_test tests[] = {
	{ "found by id and by folder and stem", test_find, 0 },
	{ "states are counted", test_counts, 0 },
};
UNIT_MAIN(tests)

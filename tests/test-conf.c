/* SPDX-License-Identifier: MIT */
#include "lib/conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit.h"

static int parse(const char *text, const char *instance, struct conf **ret,
		 struct err *err)
{
	return conf_parse("f", text, strlen(text), instance, ret, err);
}

static int test_values(void)
{
	static const char text[] = "\xef\xbb\xbf; settings\r\n"
				   "[uploader]\r\n"
				   "  rev_host =  rev.example.com \r\n"
				   "\t# indented\r\n"
				   "title = a = b # c;d\r\n"
				   "enabled=yes\r\n"
				   "settle_time = 5m\r\n"
				   "fallback_owner =\r\n"
				   "[route]\r\n"
				   "7001 = rtmp://h/a/b?c=d;e\r\n"
				   "müller = rtmps://u:p@h/a/b\r\n"
				   "[uploader]\r\n"
				   "access = Public";
	struct conf *conf = NULL;
	const char *value = NULL;
	struct err e;
	int err;

	err = parse(text, NULL, &conf, &e);
	CHECK_OK(err);
	CHECK_STR(conf_text(conf, OPT_UP_REV_HOST), "rev.example.com");
	CHECK_STR(conf_text(conf, OPT_UP_TITLE), "a = b # c;d");
	CHECK(conf_bool(conf, OPT_UP_ENABLED));
	CHECK_EQ(conf_number(conf, OPT_UP_SETTLE_TIME), 300000);
	CHECK_STR(conf_text(conf, OPT_UP_FALLBACK_OWNER), "");
	CHECK_EQ(conf_number(conf, OPT_UP_ACCESS), 1);
	CHECK_EQ(conf_number(conf, OPT_UP_REV_PORT), 443);
	CHECK_STR(conf_free_key(conf, "route", 0, &value), "7001");
	CHECK_STR(value, "rtmp://h/a/b?c=d;e");
	CHECK_STR(conf_free_key(conf, "route", 1, &value), "müller");
	CHECK(!conf_free_key(conf, "route", 2, &value));
	CHECK_STR(conf_find(conf, "uploader", "settle_time"), "5m");
	CHECK(!conf_find(conf, "uploader", "rev_port"));
out:
	conf_free(conf);
	return err;
}

static int test_instances(void)
{
	static const char text[] = "[uploader berlin]\n"
				   "nfs_host = b\n"
				   "[uploader]\n"
				   "nfs_host = plain\n"
				   "rev_host = r\n"
				   "share_name = s\n"
				   "[uploader ulm]\n"
				   "nfs_host = u\n";
	struct conf *conf = NULL;
	struct err e;
	int err;

	CHECK_OK(parse(text, "berlin", &conf, &e));
	CHECK_STR(conf_instance(conf), "berlin");
	CHECK_STR(conf_text(conf, OPT_UP_NFS_HOST), "b");
	CHECK_STR(conf_text(conf, OPT_UP_REV_HOST), "r");
	CHECK_STR(conf_text(conf, OPT_UP_SHARE_NAME), "");
	conf_free(conf);
	conf = NULL;
	CHECK_OK(parse(text, NULL, &conf, &e));
	CHECK(!conf_instance(conf));
	CHECK_STR(conf_text(conf, OPT_UP_NFS_HOST), "plain");
	CHECK_STR(conf_text(conf, OPT_UP_SHARE_NAME), "s");
	conf_free(conf);
	conf = NULL;
	CHECK_ERR(parse(text, "bern", &conf, &e), -EINVAL);
	CHECK_STR(e.text, "f: no section [uploader bern] for the instance");
	err = 0;
out:
	conf_free(conf);
	return err;
}

static const struct {
	const char *text, *sentence;
} errors[] = {
	{ "[uploader]\n\nrev_prot = 1\n",
	  "f:3: uploader.rev_prot: unknown key; near it: rev_port or rev_proxy" },
	{ "[uploader]\nrev_port = 70000\n",
	  "f:2: uploader.rev_port: 70000 is out of range, 1 to 65535" },
	{ "[uploader x]\nrev_port = 70000\n",
	  "f:2: uploader x.rev_port: 70000 is out of range, 1 to 65535" },
	{ "[uplaoder]\n", "f:1: [uplaoder]: unknown section; near it: "
			  "uploader" },
	{ "[uploader]\nrev_port = 1\n[route]\na = b\n[uploader]\nrev_port=1\n",
	  "f:6: uploader.rev_port: is set twice, first at line 2" },
	{ "[uploader a]\nshare_name = s\n[uploader b]\nshare_name = s\n",
	  "f:4: uploader b.share_name: is that of [uploader a] at line 2: each "
	  "instance must have its own" },
	{ "[uploader]\njournal = /j\n[uploader b]\njournal = /j\n",
	  "f:4: uploader b.journal: is that of [uploader] at line 2: each "
	  "instance must have its own" },
	{ "[route]\na = b\na = c\n",
	  "f:3: route.a: is set twice, first at line 2" },
	{ "[route]\na =\n", "f:2: route.a: must not be empty" },
	{ "rev_port = 1\n", "f:1: a setting before the first [section]" },
	{ "[uploader]\nrev_port\n",
	  "f:2: neither [section], key = value nor ; comment" },
	{ "[uploader]\nrev_port: 1\n",
	  "f:2: neither [section], key = value nor ; comment" },
	{ "[uploader]\nrev_port: 1 = 2\n",
	  "f:2: a : in the key; a setting is written key = value" },
	{ "[uploader]\ntitle = a ;b\n",
	  "f:2: \" ;\" within a line; put a comment on a line of its own, and no "
	  "blank before the ; of a value" },
	{ "[uploader] ; main\n",
	  "f:1: not a section; one is [name], alone on its line, of at most 49 "
	  "bytes" },
	{ "[uploader\n",
	  "f:1: not a section; one is [name], alone on its line, of at most 49 "
	  "bytes" },
	{ "[uploader]\ntitle = \xe9\n",
	  "f:2: the line is not valid UTF-8; save the file as UTF-8" },
	{ "[uploader]\ntitle = a\x1b[0m\n",
	  "f:2: the line holds the control character 0x1b" },
	{ "[uploader]\nrev_password = hunter2\n",
	  "f:2: uploader.rev_password: a secret must not stand in this file; it "
	  "belongs into /etc/upcast/secrets/uploader/rev_password" },
	{ "[upcast]\nsecrets_dir=/s\n[uploader x]\nrev_password=hunter2\n",
	  "f:4: uploader x.rev_password: a secret must not stand in this file; "
	  "it belongs into /s/uploader/rev_password" },
	{ "[uploader]\nrev_pasword = hunter2\n",
	  "f:2: uploader.rev_pasword: unknown key; near it: rev_password" },
};

static int test_errors(void)
{
	struct conf *conf = NULL;
	struct err e;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		CHECK_ERR(parse(errors[i].text, NULL, &conf, &e), -EINVAL);
		CHECK_STR(e.text, errors[i].sentence);
		CHECK(!strstr(e.text, "hunter2"));
	}
	CHECK_ERR(conf_parse("f", "[uploader]\ntitle=a\0b", 20, NULL, &conf,
			     &e),
		  -EINVAL);
	CHECK_STR(e.text, "f:2: the line holds a NUL byte");
	CHECK(!conf);
out:
	return err;
}

/* Values longer than inih's line go through it in pieces, or are refused. */
static int test_long(void)
{
	char text[CONF_LINE_MAX + 64] = "[uploader]\ncategories = ";
	size_t start = strlen(text);
	struct conf *conf = NULL;
	struct err e;
	int err;

	for (size_t i = 0; i < 900; i++)
		text[start + i] = "ab cd;e, #f;"[i % 12];
	CHECK_OK(parse(text, NULL, &conf, &e));
	CHECK_STR(conf_text(conf, OPT_UP_CATEGORIES), text + start);
	conf_free(conf);
	conf = NULL;
	memset(text + start + 100, ' ', 300);
	CHECK_ERR(parse(text, NULL, &conf, &e), -EINVAL);
	CHECK_STR(e.text,
		  "f:2: too many blanks in a row for the line to be read");
	memset(text + start, 'x', sizeof(text) - start - 1);
	CHECK_ERR(parse(text, NULL, &conf, &e), -EINVAL);
	CHECK_STR(e.text, "f:2: the line is 1076 bytes long, 1024 are allowed");
	err = 0;
out:
	conf_free(conf);
	return err;
}

static int test_many(void)
{
	static char text[16 * (CONF_KEYS_MAX + 2)];
	size_t n = (size_t)sprintf(text, "[route]\n");
	struct conf *conf = NULL;
	const char *value;
	struct err e;
	int err;

	for (int i = 0; i < CONF_KEYS_MAX; i++)
		n += (size_t)sprintf(text + n, "k%d=v%d\n", i, i);
	CHECK_OK(parse(text, NULL, &conf, &e));
	CHECK_STR(conf_free_key(conf, "route", CONF_KEYS_MAX - 1, &value),
		  "k4095");
	conf_free(conf);
	conf = NULL;
	sprintf(text + n, "x=y\n");
	CHECK_ERR(parse(text, NULL, &conf, &e), -EINVAL);
	CHECK_STR(e.text, "f:4098: route.x: the file holds more than 4096 "
			  "settings");
	err = 0;
out:
	conf_free(conf);
	return err;
}

static const struct {
	const char *before, *section, *key, *value;
	const char *after; /* NULL: refused */
} edits[] = {
	/* The value only; the rest of the line stays. */
	{ "# c\n[uploader]\n  a_key  =\told \r\nb=1\n", "uploader", "a_key",
	  "new", "# c\n[uploader]\n  a_key  =\tnew \r\nb=1\n" },
	{ "[a]\nk =\n", "a", "k", "v", "[a]\nk =v\n" },
	{ "[a]\nk = v", "a", "k", "w", "[a]\nk = w" },
	/* The right section's. */
	{ "[a x]\nk=1\n[a]\nk=2\n", "a", "k", "3", "[a x]\nk=1\n[a]\nk=3\n" },
	/* Below the example, else below the last one, else below the head. */
	{ "[a]\n;z = 1\nk=1\n\n[b]\n", "a", "z", "2",
	  "[a]\n;z = 1\nz = 2\nk=1\n\n[b]\n" },
	{ "[a]\nk=1\n# note\n\n[b]\n", "a", "z", "2",
	  "[a]\nk=1\nz = 2\n# note\n\n[b]\n" },
	{ "[a]\r\n\r\n[b]\r\n", "a", "z", "", "[a]\r\nz =\r\n\r\n[b]\r\n" },
	{ "[a]", "a", "z", "2", "[a]\nz = 2\n" },
	/* A section of its own at the end. */
	{ "", "a", "z", "2", "[a]\nz = 2\n" },
	{ "x", "a", "z", "2", "x\n\n[a]\nz = 2\n" },
	/* Removal; of what is not there, too. */
	{ "[a]\n; k\nk=1\nl=2\n", "a", "k", NULL, "[a]\n; k\nl=2\n" },
	{ "[a]\nk=1\n", "a", "z", NULL, "[a]\nk=1\n" },
	/* What is unknown survives. */
	{ "junk [\n[a]\n??\nk=1\n\xff\n", "a", "k", "2",
	  "junk [\n[a]\n??\nk=2\n\xff\n" },
	/* What could not be read back. */
	{ "[a]\nk=1\n", "a", "k", "1\nevil = 2", NULL },
	{ "[a]\nk=1\n", "a", "k", "1 ; 2", NULL },
	{ "[a]\nk=1\n", "a", "k", " 1", NULL },
	{ "[a]\nk=1\n", "a", "k", "1\x01", NULL },
	{ "[a]\nk=1\n", "a", "k", "\xff", NULL },
	{ "[a]\nk=1\n", "a", "x=y", "1", NULL },
	{ "[a]\nk=1\n", "a", "#x", "1", NULL },
	{ "[a]\nk=1\n", "a", "", "1", NULL },
	{ "[a]\nk=1\n", "b]\nx", "k", "1", NULL },
};

static int test_edit(void)
{
	struct buf b;
	int err = 0, got;

	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		buf_clear(&b);
		got = conf_edit(edits[i].before, strlen(edits[i].before),
				edits[i].section, edits[i].key, edits[i].value,
				&b);
		CHECK_ERR(got, edits[i].after ? 0 : -EINVAL);
		CHECK_STR(buf_text(&b), edits[i].after ? edits[i].after : "");
	}
out:
	buf_release(&b);
	return err;
}

/* A folder with a settings file in it. */
struct place {
	char dir[32], file[64], lock[80], link[64];
};

static int place_make(struct place *p, const char *text, mode_t mode)
{
	FILE *f;

	strcpy(p->dir, "/tmp/test-conf.XXXXXX");
	if (!mkdtemp(p->dir))
		return -errno;
	snprintf(p->file, sizeof(p->file), "%s/upcast.ini", p->dir);
	snprintf(p->lock, sizeof(p->lock), "%s.lock", p->file);
	snprintf(p->link, sizeof(p->link), "%s/link", p->dir);
	f = fopen(p->file, "w");
	if (!f)
		return -errno;
	fputs(text, f);
	fchmod(fileno(f), mode);
	return fclose(f) ? -errno : 0;
}

/* Fails where something else was left in the folder. */
static int place_remove(struct place *p)
{
	unlink(p->file);
	unlink(p->lock);
	unlink(p->link);
	return rmdir(p->dir) ? -errno : 0;
}

static int check_file(const char *path, const char *want)
{
	char text[4096] = "";
	int err = 0;
	FILE *f = fopen(path, "r");

	CHECK(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	CHECK_STR(text, want);
out:
	if (f)
		fclose(f);
	return err;
}

static int test_set(void)
{
	struct conf *conf = NULL;
	struct place p;
	struct stat st;
	struct err e;
	int err;

	CHECK_OK(place_make(&p, "; mine\n[uploader]\nrev_port = 1\n", 0640));
	CHECK(!symlink("upcast.ini", p.link));
	if (!geteuid())
		CHECK(!chown(p.file, 12, 34));
	CHECK_OK(conf_set(p.link, "uploader", "rev_port", "444", &e));
	CHECK_OK(conf_set(p.file, "uploader", "title", "é {space}", &e));
	CHECK_OK(conf_set(p.file, "route", "7001", "rtmp://h/a", &e));
	CHECK_OK(check_file(p.file, "; mine\n[uploader]\nrev_port = 444\n"
				    "title = é {space}\n\n[route]\n"
				    "7001 = rtmp://h/a\n"));
	CHECK(!lstat(p.link, &st) && S_ISLNK(st.st_mode));
	CHECK(!stat(p.file, &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK(geteuid() || (st.st_uid == 12 && st.st_gid == 34));
	CHECK_OK(conf_set(p.file, "uploader", "title", NULL, &e));
	CHECK_OK(conf_set(p.file, "route", "7001", NULL, &e));
	CHECK_OK(conf_load(p.file, NULL, &conf, &e));
	CHECK_EQ(conf_number(conf, OPT_UP_REV_PORT), 444);
	CHECK(!conf_find(conf, "uploader", "title"));
	err = 0;
out:
	conf_free(conf);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static int test_set_refuses(void)
{
	static const char before[] = "[uploader]\nrev_port = 1\n";
	struct place p;
	struct err e;
	int err;

	CHECK_OK(place_make(&p, before, 0644));
	CHECK_ERR(conf_set(p.file, "uploader", "rev_port", "0", &e), -ERANGE);
	CHECK_STR(e.text, "uploader.rev_port: 0 is out of range, 1 to 65535");
	CHECK_ERR(conf_set(p.file, "uploader", "rev_prot", "1", &e), -ENOENT);
	CHECK_ERR(conf_set(p.file, "uploader", "rev_password", "hunter2", &e),
		  -EINVAL);
	CHECK(!strstr(e.text, "hunter2"));
	CHECK_ERR(conf_set(p.file, "uploader", "title", "a ;b", &e), -EINVAL);
	CHECK(strstr(e.text, "uploader.title cannot be written"));
	CHECK_OK(check_file(p.file, before));
	err = 0;
out:
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

/* A file with a mistake elsewhere stays as it is; mending that one works. */
static int test_set_bad_file(void)
{
	static const char before[] = "[uploader]\nrev_port = x\n";
	struct place p;
	struct err e;
	int err;

	CHECK_OK(place_make(&p, before, 0644));
	CHECK_ERR(conf_set(p.file, "uploader", "title", "t", &e), -EINVAL);
	CHECK(strstr(e.text, "upcast.ini:2: uploader.rev_port: \"x\""));
	CHECK_OK(check_file(p.file, before));
	CHECK_OK(conf_set(p.file, "uploader", "rev_port", "1", &e));
	CHECK_OK(check_file(p.file, "[uploader]\nrev_port = 1\n"));
	unlink(p.file);
	CHECK_OK(conf_set(p.file, "uploader", "rev_port", "2", &e));
	CHECK_OK(check_file(p.file, "[uploader]\nrev_port = 2\n"));
	err = 0;
out:
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

/* Processes that set keys of their own at the same time lose none. */
enum { WRITERS = 4, WRITES = 10 };

static int write_many(const char *path, int writer)
{
	char key[32];
	struct err e;

	for (int i = 0; i < WRITES; i++) {
		snprintf(key, sizeof(key), "w%d-%d", writer, i);
		if (conf_set(path, "route", key, "rtmp://h/a", &e))
			return 1;
	}
	return 0;
}

static int test_concurrent(void)
{
	struct conf *conf = NULL;
	pid_t pids[WRITERS];
	const char *value;
	int err, status, n = 0;
	struct place p;
	struct err e;

	CHECK_OK(place_make(&p, "[upcast]\n", 0644));
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(write_many(p.file, i));
	}
	for (int i = 0; i < WRITERS; i++)
		if (waitpid(pids[i], &status, 0) == pids[i] && !status)
			n++;
	CHECK_EQ(n, WRITERS);
	CHECK_OK(conf_load(p.file, NULL, &conf, &e));
	CHECK(conf_free_key(conf, "route", WRITERS * WRITES - 1, &value));
	err = 0;
out:
	conf_free(conf);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static int test_load(void)
{
	struct conf *conf = NULL;
	struct place p;
	char want[256];
	struct err e;
	int err;

	CHECK_OK(place_make(&p, "", 0644));
	CHECK_OK(conf_load(p.file, NULL, &conf, &e));
	CHECK_STR(conf_text(conf, OPT_CONTROL_DIR), "/run/upcast");
	conf_free(conf);
	conf = NULL;
	CHECK_ERR(conf_load(p.dir, NULL, &conf, &e), -EINVAL);
	unlink(p.file);
	CHECK_ERR(conf_load(p.file, NULL, &conf, &e), -ENOENT);
	snprintf(want, sizeof(want),
		 "%s: cannot be read: No such file or directory", p.file);
	CHECK_STR(e.text, want);
	CHECK(!mkfifo(p.file, 0600));
	CHECK_ERR(conf_load(p.file, NULL, &conf, &e), -EINVAL);
	unlink(p.file);
	CHECK(!truncate(p.dir, 0) || errno == EISDIR);
	CHECK_OK(close(open(p.file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
	CHECK(!truncate(p.file, CONF_FILE_MAX + 1));
	CHECK_ERR(conf_load(p.file, NULL, &conf, &e), -EMSGSIZE);
	err = 0;
out:
	conf_free(conf);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static void on_fault(void *arg, const char *sentence)
{
	struct buf *told = arg;

	(void)!buf_printf(told, "%s\n", strstr(sentence, "ini:") + 4);
}

static int test_check(void)
{
	struct conf *conf = NULL;
	struct buf told;
	struct place p;
	int err;

	buf_init(&told, 4096);
	CHECK_OK(place_make(&p,
			    "a = 1\n[upcast]\nlog_level = loud\n"
			    " [what]\nlog_level = info\n\n[uploader]\n"
			    "rev_port = 1\nrev_port = 2\n\xff = 3\nx=4",
			    0644));
	CHECK_OK(buf_reserve(&told, 2048));
	CHECK_ERR(conf_check(p.file, NULL, on_fault, &told, &conf), -EINVAL);
	CHECK(!conf);
	CHECK_STR(buf_text(&told),
		  "1: a setting before the first [section]\n"
		  "3: upcast.log_level: \"loud\" is not one of error, "
		  "warning, info, debug\n"
		  "4: [what]: unknown section; there are: upcast, uploader, "
		  "streamer, fs, route\n"
		  "9: uploader.rev_port: is set twice, first at line 8\n"
		  "10: the line is not valid UTF-8; save the file as "
		  "UTF-8\n"
		  "11: uploader.x: unknown key; upcast.ini(5) names those of "
		  "[uploader]\n");
	err = 0;
out:
	conf_free(conf);
	buf_release(&told);
	if (place_remove(&p) && !err)
		err = -ENOTEMPTY;
	return err;
}

static const struct unit_test tests[] = {
	{ "values, lines and defaults", test_values, 0 },
	{ "instances", test_instances, 0 },
	{ "errors name what is wrong and what is right", test_errors, 0 },
	{ "long lines", test_long, 0 },
	{ "many keys", test_many, UNIT_NO_OOM },
	{ "edits change one key only", test_edit, 0 },
	{ "set: comments, links and mode survive", test_set, 0 },
	{ "set: bad values are refused", test_set_refuses, 0 },
	{ "set: a bad file is left as it is", test_set_bad_file, 0 },
	{ "set: concurrent writers lose nothing", test_concurrent,
	  UNIT_NO_OOM },
	{ "load: what can be wrong with a file", test_load, 0 },
	{ "check: all that is wrong with a file", test_check, 0 },
};
UNIT_MAIN(tests)

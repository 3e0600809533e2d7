/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/listing.h"
#include "cli/pki.h"

enum { PATH_SIZE = 1400, TEXT_MAX = 1 << 20 };

/* ---- pki csr, pki selfsigned -------------------------------------------- */

static void on_progress(bool line_ends)
{
	putchar(line_ends ? '\n' : '.');
	fflush(stdout);
}

/* A name of its own in the certificate directory, nothing above it. */
static int check_basename(const char *name)
{
	if (*name && *name != '.' && !strchr(name, '/') && strlen(name) < 200)
		return 0;
	return cli_failure(-EINVAL, "%s: is no base name of files", name);
}

static void file_path(const struct cli *cli, const char *base, const char *end,
		      char *dst, size_t size)
{
	char name[256];

	snprintf(name, sizeof(name), "%s.%s", base, end);
	cli_cert_path(cli, name, dst, size);
}

static int make_folder(const struct cli *cli)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);

	if (!mkdir(dir, 0755) || errno == EEXIST)
		return 0;
	return cli_failure(-errno, "%s: %s", dir, err_str(-errno));
}

typedef int make_fn(const char *key, const char *path,
		    const struct pki_subject *subject,
		    pki_progress_fn *progress, struct err *err);

static int make(struct cli *cli, const struct table_match *m, const char *end,
		make_fn *fn)
{
	struct pki_subject subject = { m->argc - 1, m->argv + 1 };
	char key[PATH_SIZE], path[PATH_SIZE];
	struct err err;
	int code = check_basename(m->argv[0]);

	if (!code)
		code = make_folder(cli);
	if (code)
		return code;
	file_path(cli, m->argv[0], "key", key, sizeof(key));
	file_path(cli, m->argv[0], end, path, sizeof(path));
	code = fn(key, path, &subject, on_progress, &err);
	return code ? cli_failure(code, "%s", err.text) : 0;
}

int cmd_pki_csr(struct cli *cli, const struct table_match *m)
{
	const char *base = m->argv[0];
	int err = make(cli, m, "csr", pki_request);

	if (err)
		return err;
	printf("Created key file %s.key and CSR %s.csr\n"
	       "CSR file %s.csr ready for download via SFTP\n",
	       base, base, base);
	return 0;
}

int cmd_pki_selfsigned(struct cli *cli, const struct table_match *m)
{
	const char *base = m->argv[0];
	int err = make(cli, m, "crt", pki_self_sign);

	if (err)
		return err;
	printf("Created self-signed certificate key pair\n"
	       "%s.key and %s.crt\n",
	       base, base);
	return 0;
}

/* ---- pki list ----------------------------------------------------------- */

static int is_certificate(const struct dirent *e)
{
	static const char *const ends[] = { ".key", ".csr", ".crt",
					    ".cer", ".pem", ".der" };
	const char *dot = strrchr(e->d_name, '.');

	if (!dot || dot == e->d_name || e->d_name[0] == '.')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcasecmp(dot, ends[i]))
			return 1;
	return 0;
}

static int add_files(struct dirent **files, int n, struct listing *l)
{
	int err = 0;

	for (int i = 0; i < n && !err; i++) {
		listing_next(l);
		err = listing_add(l, "file", files[i]->d_name);
	}
	return err;
}

static int print_json(struct dirent **files, int n)
{
	struct listing *l = NULL;
	int err = listing_new(&l);

	if (!err)
		err = add_files(files, n, l);
	if (!err)
		err = listing_print_table(l, true);
	listing_free(l);
	return err;
}

int cmd_pki_list(struct cli *cli, const struct table_match *m)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);
	struct dirent **files = NULL;
	int err = 0, n = scandir(dir, &files, is_certificate, alphasort);

	if (n < 0)
		return cli_failure(-errno, "%s: %s", dir, err_str(-errno));
	if (table_has_flag(m, "--json"))
		err = print_json(files, n);
	else
		puts("User supplied certificates and keys:");
	for (int i = 0; i < n; i++) {
		if (!table_has_flag(m, "--json"))
			puts(files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return err ? cli_failure(err, "%s", err_str(err)) : 0;
}

/* ---- pki inspect, match, verify ----------------------------------------- */

int cmd_pki_inspect(struct cli *cli, const struct table_match *m)
{
	char path[PATH_SIZE];
	struct buf text;
	struct err err;
	int code;

	cli_cert_path(cli, m->argv[0], path, sizeof(path));
	buf_init(&text, TEXT_MAX);
	code = pki_inspect(path, &text, &err);
	if (code)
		cli_failure(code, "%s", err.text);
	else
		fwrite(buf_text(&text), 1, text.len, stdout);
	buf_release(&text);
	return code;
}

int cmd_pki_match(struct cli *cli, const struct table_match *m)
{
	char key[PATH_SIZE], certificate[PATH_SIZE];
	struct err err;
	int code;

	cli_cert_path(cli, m->argv[0], key, sizeof(key));
	cli_cert_path(cli, m->argv[1], certificate, sizeof(certificate));
	code = pki_match(key, certificate, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("Key and certificate pair match");
	return 0;
}

int cmd_pki_verify(struct cli *cli, const struct table_match *m)
{
	char paths[3][PATH_SIZE];
	struct err err;
	int code;

	for (int i = 0; i < m->argc && i < 3; i++)
		cli_cert_path(cli, m->argv[i], paths[i], sizeof(paths[i]));
	/* With a third file the second holds what stands in between. */
	if (m->argc == 3)
		code = pki_verify(paths[0], paths[2], paths[1], &err);
	else
		code = pki_verify(paths[0], paths[1], NULL, &err);
	if (code)
		return cli_failure(code, "%s", err.text);
	cli_success("certificate verified");
	return 0;
}

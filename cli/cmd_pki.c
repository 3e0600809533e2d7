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

enum { TEXT_MAX = 1 << 20 };

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

static int make_folder(const struct cli *cli)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);

	if (!mkdir(dir, 0755) || errno == EEXIST)
		return 0;
	return cli_failure(-errno, "%s: %s", dir, err_str(-errno));
}

static int make(struct cli *cli, const struct table_match *m,
		enum pki_kind kind)
{
	const struct pki_subject subject = { m->argc - 1, m->argv + 1 };
	char names[2][256], key[CLI_PATH_SIZE], path[CLI_PATH_SIZE];
	struct err err;
	int code = check_basename(m->argv[0]);

	if (!code)
		code = make_folder(cli);
	if (code)
		return code;
	snprintf(names[0], sizeof(names[0]), "%s.key", m->argv[0]);
	snprintf(names[1], sizeof(names[1]), "%s.%s", m->argv[0],
		 kind == PKI_REQUEST ? "csr" : "crt");
	cli_cert_path(cli, names[0], key);
	cli_cert_path(cli, names[1], path);
	code = pki_make(kind, key, path, &subject, on_progress, &err);
	return code ? cli_failure(code, "%s", err.text) : 0;
}

int cmd_pki_csr(struct cli *cli, const struct table_match *m)
{
	const char *base = m->argv[0];
	int code = make(cli, m, PKI_REQUEST);

	if (!code)
		printf("Created key file %s.key and CSR %s.csr\n"
		       "CSR file %s.csr ready for download via SFTP\n",
		       base, base, base);
	return code;
}

int cmd_pki_selfsigned(struct cli *cli, const struct table_match *m)
{
	const char *base = m->argv[0];
	int code = make(cli, m, PKI_SELF_SIGNED);

	if (!code)
		printf("Created self-signed certificate key pair\n"
		       "%s.key and %s.crt\n",
		       base, base);
	return code;
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

static int print_files(struct dirent **files, int n, bool json)
{
	struct listing l;

	if (!json) {
		puts("User supplied certificates and keys:");
		for (int i = 0; i < n; i++)
			puts(files[i]->d_name);
		return 0;
	}
	listing_init(&l);
	for (int i = 0; i < n; i++) {
		listing_next(&l);
		listing_add(&l, "file", files[i]->d_name);
	}
	return listing_end_table(&l, true);
}

int cmd_pki_list(struct cli *cli, const struct table_match *m)
{
	const char *dir = conf_text(cli->conf, OPT_CERTS_DIR);
	struct dirent **files = NULL;
	int code, n = scandir(dir, &files, is_certificate, alphasort);

	/* Nothing has been made yet. */
	if (n < 0 && errno != ENOENT)
		return cli_failure(-errno, "%s: %s", dir, err_str(-errno));
	code = print_files(files, n, table_has_flag(m, "--json"));
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	return code;
}

/* ---- pki inspect, match, verify ----------------------------------------- */

int cmd_pki_inspect(struct cli *cli, const struct table_match *m)
{
	char path[CLI_PATH_SIZE];
	struct buf text;
	struct err err;
	int code;

	cli_cert_path(cli, m->argv[0], path);
	buf_init(&text, TEXT_MAX);
	code = pki_inspect(path, &text, &err);
	if (code)
		cli_failure(code, "%s", err.text);
	else
		fwrite(buf_text(&text), 1, text.len, stdout);
	buf_release(&text);
	return code;
}

static int verdict(int code, const struct err *err, const char *success)
{
	if (code)
		return cli_failure(code, "%s", err->text);
	cli_success("%s", success);
	return 0;
}

int cmd_pki_match(struct cli *cli, const struct table_match *m)
{
	char key[CLI_PATH_SIZE], certificate[CLI_PATH_SIZE];
	struct err err;

	cli_cert_path(cli, m->argv[0], key);
	cli_cert_path(cli, m->argv[1], certificate);
	return verdict(pki_match(key, certificate, &err), &err,
		       "Key and certificate pair match");
}

/* With a third file the second holds what stands in between. */
int cmd_pki_verify(struct cli *cli, const struct table_match *m)
{
	char paths[3][CLI_PATH_SIZE];
	struct err err;

	for (int i = 0; i < m->argc && i < 3; i++)
		cli_cert_path(cli, m->argv[i], paths[i]);
	return verdict(pki_verify(paths[0], paths[m->argc - 1],
				  m->argc == 3 ? paths[1] : NULL, &err),
		       &err, "certificate verified");
}

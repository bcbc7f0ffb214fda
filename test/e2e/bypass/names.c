/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a file another name, or a name another file. */
#include <sys/time.h>
#include <sys/xattr.h>
#include "attempt.h"

static int make_link(char **w)
{
	const char *how = w[1];
	int fd;
	char from[64];

	if (!strcmp(how, "link"))
		return result(link(w[2], w[3]));
	if (!strcmp(how, "linkat"))
		return result(linkat(AT_FDCWD, w[2], AT_FDCWD, w[3], AT_SYMLINK_FOLLOW));
	if (!strcmp(how, "symlink"))
		return result(symlink(w[2], w[3]));
	fd = open(w[2], O_PATH);
	if (fd < 0)
		return errno;
	if (!strcmp(how, "descriptor"))
		return result(linkat(fd, "", AT_FDCWD, w[3], AT_EMPTY_PATH));
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return result(linkat(AT_FDCWD, from, AT_FDCWD, w[3], AT_SYMLINK_FOLLOW));
}

static int make_rename(char **w)
{
	const char *how = w[1];

	if (!strcmp(how, "rename"))
		return result(rename(w[2], w[3]));
	if (!strcmp(how, "renameat"))
		return result(syscall(SYS_renameat, AT_FDCWD, w[2], AT_FDCWD, w[3]));
	if (!strcmp(how, "exchange"))
		return result(renameat2(AT_FDCWD, w[2], AT_FDCWD, w[3], RENAME_EXCHANGE));
	if (!strcmp(how, "no-replace"))
		return result(renameat2(AT_FDCWD, w[2], AT_FDCWD, w[3], RENAME_NOREPLACE));
	return result(renameat2(AT_FDCWD, w[2], AT_FDCWD, w[3], RENAME_WHITEOUT));
}

static int make_gone(char **w)
{
	if (!strcmp(w[1], "unlink"))
		return result(unlink(w[2]));
	if (!strcmp(w[1], "unlinkat"))
		return result(unlinkat(AT_FDCWD, w[2], 0));
	return result(rmdir(w[2]));
}

static int make_new(char **w)
{
	const char *how = w[1];

	if (!strcmp(how, "file"))
		return result(open(w[2], O_WRONLY | O_CREAT | O_EXCL, 0644));
	if (!strcmp(how, "directory"))
		return result(mkdir(w[2], 0755));
	if (!strcmp(how, "fifo"))
		return result(mknod(w[2], S_IFIFO | 0644, 0));
	if (!strcmp(how, "device"))
		return result(mknod(w[2], S_IFCHR | 0644, (1 << 8) | 3));
	return result(mknodat(AT_FDCWD, w[2], S_IFREG | 0644, 0));
}

/* change WHAT PATH: attributes */
static int change(char **w)
{
	const char *how = w[1];
	int fd = -1;

	if (!strcmp(how, "chmod"))
		return result(chmod(w[2], 04777));
	if (!strcmp(how, "no-mode"))
		return result(chmod(w[2], 0));
	if (!strcmp(how, "fchmodat"))
		return result(fchmodat(AT_FDCWD, w[2], 0777, 0));
	if (!strcmp(how, "chown"))
		return result(chown(w[2], 1000, 1000));
	if (!strcmp(how, "lchown"))
		return result(lchown(w[2], 1000, 1000));
	fd = open(w[2], O_RDONLY);
	if (fd < 0)
		return errno;
	if (!strcmp(how, "fchmod"))
		return result(fchmod(fd, 0777));
	if (!strcmp(how, "fchown"))
		return result(fchown(fd, 1000, 1000));
	if (!strcmp(how, "setxattr"))
		return result(setxattr(w[2], "trusted.mine", "1", 1, 0));
	if (!strcmp(how, "fsetxattr"))
		return result(fsetxattr(fd, "trusted.mine", "1", 1, 0));
	if (!strcmp(how, "utimes"))
		return result(utimensat(AT_FDCWD, w[2], NULL, 0));
	return MISTAKE;
}

static int go_to(char **w)
{
	return result(chdir(w[1]));
}

static int go_to_held(char **w)
{
	(void)w;
	return result(fchdir(HELD));
}

static int confine_root(char **w)
{
	return result(chroot(w[1]));
}

const struct step NAMES[] = {
	{ "link", make_link }, { "rename", make_rename }, { "remove", make_gone }, { "make", make_new }, { "change", change }, { "chdir", go_to },
	{ "fchdir", go_to_held }, { "chroot", confine_root }, {}
};

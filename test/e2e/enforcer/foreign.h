/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FOREIGN_H
#define FOREIGN_H

/* The errno of opening DIRECTORY/FILE, which is in another place there, by a descriptor from another mount namespace; or 0. */
int read_foreign(const char *directory, const char *file);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_MODULES_H
#define AGENTD_MODULES_H

/*
 * Loads what /modules/order names, one file of /modules a line, and deletes
 * each file after use: an initramfs is memory. Without that file there is
 * nothing to load. A module that cannot be loaded ends the boot.
 */
void modules_load(void);

#endif
